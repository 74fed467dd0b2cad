package zoocfg

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md and the golden files")

func TestTableIsConsistent(t *testing.T) {
	envs, names := map[string]*Key{}, map[string]bool{}
	for _, k := range keys.rows {
		if k.Help == "" || k.Section == "" {
			t.Errorf("%s: no help or no section", k.Name)
		}
		for _, name := range k.Spellings() {
			if names[name] {
				t.Errorf("%s: twice in the table", name)
			}
			names[name] = true
			env := EnvName(name)
			if other := envs[env]; other != nil && other != k {
				t.Errorf("%s and %s: both are %s", other.Name, name, env)
			}
			envs[env] = k
		}
		checkDestination(t, k)
	}
}

func checkDestination(t *testing.T, k *Key) {
	t.Helper()
	switch {
	case k.Effect == Ineffective:
		if k.field != nil || k.add != nil || k.Default != "" {
			t.Errorf("%s: has no effect and a destination or default", k.Name)
		}
	case k.family() != (k.add != nil), k.family() == (k.field != nil):
		t.Errorf("%s: a family needs add, another key needs field", k.Name)
	case k.Default == "" && k.DefaultNote == "":
		t.Errorf("%s: no default stated", k.Name)
	case k.field != nil && k.Default != "":
		if want := k.assign(k.field(defaults()), k.Default); want != "" {
			t.Errorf("%s: default %q is not %s", k.Name, k.Default, want)
		}
	}
}

// Every field must be of a type that its kind can be stored in; assign panics if
// not.
func TestEveryFieldTakesItsKind(t *testing.T) {
	samples := map[Kind]string{Text: "x", Hidden: "x", Bool: "TRUE", YesNo: "No", Int: "5", Float: "0.5",
		Port: "80", Millis: "5", Seconds: "5", Hours: "5", Bytes: "100000", KB: "5", Hex: "ff", List: "a, b"}
	for _, k := range keys.rows {
		if k.field == nil {
			continue
		}
		sample := samples[k.Kind]
		if k.Kind == Choice {
			sample = strings.ToUpper(k.Choices[0])
		}
		if k.Min > 5 && k.Kind == Int || k.Max == 3 {
			sample = "3"
		}
		if want := k.assign(k.field(defaults()), sample); want != "" {
			t.Errorf("%s = %s: want %s", k.Name, sample, want)
		}
	}
}

// Two keys must not write the same field, except superUser and its family.
func TestNoTwoKeysShareAField(t *testing.T) {
	c, seen := defaults(), map[any]string{}
	for _, k := range keys.rows {
		if k.field == nil {
			continue
		}
		at := k.field(c)
		if other := seen[at]; other != "" {
			t.Errorf("%s and %s set the same field", other, k.Name)
		}
		seen[at] = k.Name
	}
}

func TestLookup(t *testing.T) {
	for _, tc := range []struct{ written, name, suffix string }{
		{"clientPort", "clientPort", ""},
		{"zookeeper.snapCount", "snapCount", ""},
		{"connectionMaxTokens", "connection_throttle_tokens", ""},
		{"connection_throttle_tokens", "connection_throttle_tokens", ""},
		{"server.3", "server.", "3"},
		{"superUser", "superUser", ""},
		{"superUser.bob", "superUser.", "bob"},
		{"zookeeper.authProvider.1", "authProvider.", "1"},
		{"metricsProvider.httpPort", "metricsProvider.httpPort", ""},
		{"metricsProvider.other", "metricsProvider.", "other"},
		{"netty.advancedFlowControl.enabled", "netty.", "advancedFlowControl.enabled"},
		{"netty.server.outstandingHandshake.limit", "netty.server.outstandingHandshake.limit", ""},
	} {
		k, suffix, ok := keys.lookup(tc.written)
		if !ok || k.Name != tc.name || suffix != tc.suffix {
			t.Errorf("%s: got %v %q %v", tc.written, k, suffix, ok)
		}
	}
	for _, unknown := range []string{"", "zookeeper.", "clientport", "server.", "ssl.keystore.location"} {
		if k, _, ok := keys.lookup(unknown); ok {
			t.Errorf("%q: found %s", unknown, k.Name)
		}
	}
}

func TestEnvName(t *testing.T) {
	for key, want := range map[string]string{
		"clientPort":                           "ZABRA_CLIENT_PORT",
		"admin.serverPort":                     "ZABRA_ADMIN_SERVER_PORT",
		"admin.commandURL":                     "ZABRA_ADMIN_COMMAND_URL",
		"admin.rateLimiterIntervalInMS":        "ZABRA_ADMIN_RATE_LIMITER_INTERVAL_IN_MS",
		"4lw.commands.whitelist":               "ZABRA_4LW_COMMANDS_WHITELIST",
		"IPAuthenticationProvider.x":           "ZABRA_IP_AUTHENTICATION_PROVIDER_X",
		"emulate353TTLNodes":                   "ZABRA_EMULATE353_TTL_NODES",
		"X509AuthenticationProvider.superUser": "ZABRA_X509_AUTHENTICATION_PROVIDER_SUPER_USER",
		"fips-mode":                            "ZABRA_FIPS_MODE",
		"connection_throttle_tokens":           "ZABRA_CONNECTION_THROTTLE_TOKENS",
		"zabra.log.level":                      "ZABRA_LOG_LEVEL",
		"skipACL":                              "ZABRA_SKIP_ACL",
		"server.1":                             "ZABRA_SERVER_1",
	} {
		if got := EnvName(key); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for slip, want := range map[string]string{
		"clientport":              "clientPort",
		"tickTme":                 "tickTime",
		"maxClientCnxs":           "maxClientCnxns",
		"ssl.keystore.location":   "ssl.keyStore.location",
		"admin.serverport":        "admin.serverPort",
		"dataDri":                 "dataDir",
		"something.else.entirely": "",
		"x":                       "",
		strings.Repeat("a", 1000): "",
	} {
		if got := nearest(slip, keys.spellings); got != want {
			t.Errorf("%.30s: got %q, want %q", slip, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "xyz", 3}, {"kitten", "sitting", 3}} {
		if got := editDistance(tc.a, tc.b, 10); got != tc.want {
			t.Errorf("%q %q: got %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

const (
	document   = "../../docs/configuration.md"
	tablesHead = "<!-- generated from server/zoocfg/keytable.go: go test ./server/zoocfg -run TestDocument -update -->\n"
	tablesFoot = "<!-- end of the generated tables -->\n"
)

func TestDocumentHoldsTheTable(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tablesHead)
	have, after, ok2 := strings.Cut(rest, tablesFoot)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the tables", document)
	}
	want := "\n" + Markdown()
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the table says; run: go test ./server/zoocfg -run TestDocument -update", document)
	}
	if err := os.WriteFile(document, []byte(before+tablesHead+want+tablesFoot+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
