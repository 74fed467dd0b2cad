package zoocfg

import (
	"maps"
	"slices"
	"strings"

	"github.com/zabra/zabra/internal/properties"
)

// fromEnviron takes the variables that start with ZABRA_. An empty variable
// counts as not set, because that is how containers pass "nothing".
func (l *loader) fromEnviron(environ []string) {
	vars := map[string]string{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && value != "" && strings.HasPrefix(name, envPrefix) {
			vars[name] = properties.Trim(value)
		}
	}
	var fromEnv []written
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		origin := Origin{Env: name}
		as, ok := keyOfEnv(name)
		if !ok {
			l.warn(Warning{Origin: origin, Kind: UnknownKey, Key: name, Reason: "no such setting, ignored",
				Nearest: nearest(name, envNames())})
			continue
		}
		if w, ok := l.resolve(as, vars[name], origin); ok {
			fromEnv = append(fromEnv, w)
		}
	}
	l.written = append(l.written, aliasesFirst(fromEnv)...)
}

// keyOfEnv inverts EnvName. The part of a family's key after its prefix is taken
// in lower case: ZABRA_SERVER_1 is server.1, ZABRA_AUTH_PROVIDER_SASL is
// authProvider.sasl.
func keyOfEnv(name string) (key string, ok bool) {
	for _, spelling := range keys.spellings {
		if EnvName(spelling) == name && !keys.byName[spelling].FileOnly {
			return spelling, true
		}
	}
	for _, family := range keys.families {
		if rest, ok := strings.CutPrefix(name, EnvName(family.Name)); ok && rest != "" {
			return family.Name + strings.ToLower(rest), true
		}
	}
	return "", false
}

func envNames() []string {
	names := make([]string, len(keys.spellings))
	for i, spelling := range keys.spellings {
		names[i] = EnvName(spelling)
	}
	return names
}
