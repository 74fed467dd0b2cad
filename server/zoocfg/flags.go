package zoocfg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/zabra/zabra/internal/properties"
)

// Flags holds what was set on the command line. Register it on one flag set,
// parse, and hand it to Load.
type Flags struct {
	set []flagSetting // in the order of the command line
}

type flagSetting struct {
	flag, key, value string
}

// NewFlags returns flags of which none is set.
func NewFlags() *Flags { return &Flags{} }

// Register makes a flag of every key, under each of its spellings, and --set
// key=value for families such as server.N. Flags that are not common are hidden
// from --help; they work all the same.
func (f *Flags) Register(fs *pflag.FlagSet) {
	for _, k := range keys.rows {
		if k.family() || k.FileOnly {
			continue
		}
		for i, name := range k.Spellings() {
			flag := fs.VarPF(&flagValue{flags: f, name: name, kind: k.Kind}, name, "", usage(k))
			flag.Hidden = i > 0 || !k.Common
			if k.Kind == Bool {
				flag.NoOptDefVal = "true"
			}
		}
	}
	fs.Var(&setValue{flags: f}, "set", "any key of docs/configuration.md, such as server.1=host:2888:3888; may be repeated")
}

func usage(k *Key) string {
	text := strings.TrimSuffix(k.Help, ".")
	switch {
	case strings.HasPrefix(k.DefaultNote, "required"):
		return fmt.Sprintf("%s (%s)", text, k.DefaultNote)
	case k.DefaultNote != "":
		return fmt.Sprintf("%s (default %s)", text, k.DefaultNote)
	case k.Default != "":
		return fmt.Sprintf("%s (default %s)", text, k.Default)
	default:
		return text
	}
}

// flagValue is one key's pflag.Value. Values are checked by Load, which knows
// what else was set; so a malformed one has the same message from everywhere.
type flagValue struct {
	flags *Flags
	name  string
	kind  Kind
}

func (v *flagValue) String() string { return "" } // the usage text states the default
func (v *flagValue) Type() string   { return v.kind.String() }

func (v *flagValue) Set(text string) error {
	v.flags.set = append(v.flags.set, flagSetting{flag: v.name, key: v.name, value: properties.Trim(text)})
	return nil
}

// setValue is the pflag.Value of --set.
type setValue struct{ flags *Flags }

func (v *setValue) String() string { return "" }
func (v *setValue) Type() string   { return "key=value" }

func (v *setValue) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || properties.Trim(key) == "" {
		return fmt.Errorf("want key=value")
	}
	v.flags.set = append(v.flags.set, flagSetting{flag: "set", key: properties.Trim(key), value: properties.Trim(value)})
	return nil
}

func (l *loader) fromFlags(flags *Flags) {
	if flags == nil {
		return
	}
	var fromFlags []written
	for i, s := range flags.set {
		later := slices.ContainsFunc(flags.set[i+1:], func(o flagSetting) bool { return o.key == s.key })
		if later {
			continue
		}
		if w, ok := l.resolve(s.key, s.value, Origin{Flag: s.flag}); ok {
			fromFlags = append(fromFlags, w)
		}
	}
	l.written = append(l.written, aliasesFirst(fromFlags)...)
}
