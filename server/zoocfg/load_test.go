package zoocfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// files is a ReadFile out of memory.
func files(texts map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, ok := texts[path]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, _, err := Parse("zoo.cfg", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const minimal = "dataDir=/d\nclientPort=2181\n"

func TestWithoutAFileEverythingIsOnLoopback(t *testing.T) {
	c, warnings, err := Load(Source{ReadFile: files(nil)})
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	client, _ := c.ClientAddr()
	admin, _ := c.AdminAddr()
	if client != "127.0.0.1:2181" || admin != "127.0.0.1:8080" || c.DataDir != "./data" || c.DataLogDir != "./data" ||
		c.TickTime != 2*time.Second || c.MinSessionTimeout != 4*time.Second || c.MaxSessionTimeout != 40*time.Second {
		t.Errorf("got %+v", c)
	}
	if _, ok := c.SecureClientAddr(); ok {
		t.Error("a secure port")
	}
	if _, ok := c.MetricsAddr(); ok {
		t.Error("a metrics port")
	}
}

func TestWithAFileZooKeepersDefaultsHold(t *testing.T) {
	c := mustParse(t, minimal)
	client, _ := c.ClientAddr()
	admin, _ := c.AdminAddr()
	if client != ":2181" || admin != "0.0.0.0:8080" || c.TickTime != 3*time.Second ||
		c.Limits.MaxClientCnxns != 60 || c.Limits.JuteMaxBuffer != 1048575 || c.Limits.JuteMaxBufferExtra != 1048575 ||
		c.TLS.ClientAuth != "need" || c.Ensemble.Distributed || c.Ensemble.MyID != NoSID ||
		c.TLS.ClientHostnameVerification || !c.QuorumTLS.ClientHostnameVerification {
		t.Errorf("got %+v", c)
	}
	if !slices.Equal(c.FourLetterWords, []string{"srvr"}) {
		t.Errorf("%q are on by default, want srvr", c.FourLetterWords)
	}
}

func parseFlags(t *testing.T, args ...string) *Flags {
	t.Helper()
	flags, fs := NewFlags(), pflag.NewFlagSet("server", pflag.ContinueOnError)
	flags.Register(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestPrecedence(t *testing.T) {
	src := Source{
		File:     "zoo.cfg",
		ReadFile: files(map[string]string{"zoo.cfg": minimal + "tickTime=1000\nmaxClientCnxns=1\nsnapCount=10\nconnectionMaxTokens=1"}),
		Environ: []string{"PATH=/bin", "ZABRA_MAX_CLIENT_CNXNS=2", "ZABRA_SNAP_COUNT=20", "ZABRA_CLIENT_PORT=",
			"ZABRA_CONNECTION_MAX_TOKENS=2"},
		Flags: parseFlags(t, "--snapCount", "30", "--snapCount=31", "--enforceQuota", "--set", "superUser.a=x"),
	}
	c, warnings, err := Load(src)
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	if c.TickTime != time.Second || c.Limits.MaxClientCnxns != 2 || c.Storage.SnapCount != 31 || c.ClientPort != 2181 ||
		!c.EnforceQuota || c.Throttle.ConnectionTokens != 2 || len(c.Auth.SuperUsers) != 1 {
		t.Errorf("got %+v", c)
	}
	origins := map[string]string{}
	for _, s := range c.Settings() {
		origins[s.Key] = s.Origin.String()
	}
	for key, want := range map[string]string{"tickTime": "zoo.cfg:3", "maxClientCnxns": "environment variable ZABRA_MAX_CLIENT_CNXNS",
		"snapCount": "flag --snapCount", "superUser.a": "flag --set"} {
		if origins[key] != want {
			t.Errorf("%s: got origin %q, want %q", key, origins[key], want)
		}
	}
}

// A flag or variable under one spelling must beat the file under the other.
func TestSpellingsAreOneKey(t *testing.T) {
	src := Source{File: "zoo.cfg", Flags: parseFlags(t, "--connectionMaxTokens", "9"),
		ReadFile: files(map[string]string{"zoo.cfg": minimal + "connection_throttle_tokens=1"})}
	c, _, err := Load(src)
	if err != nil || c.Throttle.ConnectionTokens != 9 {
		t.Fatal(c.Throttle.ConnectionTokens, err)
	}
}

// What a stronger source replaces has no effect at all: neither an error nor a
// line among the settings.
func TestReplacedSettingsDoNotCount(t *testing.T) {
	src := Source{File: "zoo.cfg", Flags: parseFlags(t, "--tickTime", "1000"),
		ReadFile: files(map[string]string{"zoo.cfg": minimal + "tickTime=soon\n"})}
	c, _, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range c.Settings() {
		if s.Key == "tickTime" {
			n++
		}
	}
	if n != 1 || c.TickTime != time.Second {
		t.Errorf("%d settings, tick %v", n, c.TickTime)
	}
}

// Every key of the table must be settable as a flag and as a variable.
func TestEveryKeyIsAFlagAndAVariable(t *testing.T) {
	for _, k := range keys.rows {
		if k.family() || k.FileOnly {
			continue
		}
		for _, name := range k.Spellings() {
			flags := parseFlags(t, "--"+name+"=~bad")
			_, byFlag, errFlag := Load(Source{Flags: flags, ReadFile: files(nil)})
			_, byEnv, errEnv := Load(Source{Environ: []string{EnvName(name) + "=~bad"}, ReadFile: files(nil)})
			noticed := k.Effect == Ineffective || k.Kind == Text || k.Kind == Hidden || k.Kind == List
			if !noticed && (errFlag == nil || errEnv == nil) {
				t.Errorf("%s: a malformed flag or variable went unnoticed", name)
			}
			if k.Effect == Ineffective && (len(byFlag) != 1 || len(byEnv) != 1) {
				t.Errorf("%s: %v %v", name, byFlag, byEnv)
			}
		}
	}
}

func TestFamiliesFromTheEnvironment(t *testing.T) {
	c, _, err := Load(Source{Environ: []string{"ZABRA_SERVER_1=a:1:2;5", "ZABRA_SERVER_2=b:1:2", "ZABRA_SERVER_3=c:1:2",
		"ZABRA_INIT_LIMIT=5", "ZABRA_SYNC_LIMIT=2", "ZABRA_AUTH_PROVIDER_SASL=x.Y", "ZABRA_SUPER_USER_ME=bob"},
		ReadFile: files(map[string]string{"data/myid": "1\n"})})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Ensemble.Distributed || c.ClientPort != 5 || c.Auth.Providers[0].Name != "sasl" || c.Auth.SuperUsers[0] != "bob" {
		t.Errorf("got %+v", c)
	}
}

func TestUnknownVariable(t *testing.T) {
	_, warnings, err := Load(Source{Environ: []string{"ZABRA_CLIENTPORT=1"}, ReadFile: files(nil)})
	if err != nil || len(warnings) != 1 || warnings[0].Nearest != "ZABRA_CLIENT_PORT" {
		t.Fatal(warnings, err)
	}
}

func TestOneWarningForEachKey(t *testing.T) {
	_, warnings, err := Parse("zoo.cfg", []byte(minimal+"nonsense=1\nnonsense=2\nflushDelay=1\nflushDelay=abc\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(warnings)
	want := "[zoo.cfg:4: nonsense: unknown key, ignored " +
		"zoo.cfg:6: flushDelay: has no effect here: batches grow with the load by themselves; nothing waits on a timer to fill one]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMalformedValueIsTyped(t *testing.T) {
	_, _, err := Parse("zoo.cfg", []byte(minimal+"\ntickTime=2s\n"))
	var bad *ValueError
	if !errors.As(err, &bad) || bad.Origin != (Origin{File: "zoo.cfg", Line: 4}) || bad.Key != "tickTime" || bad.Value != "2s" ||
		!strings.Contains(bad.Want, "milliseconds") {
		t.Fatalf("got %v", err)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	text := minimal + "# keep this comment\nssl.keyStore.password = hun\\\n  ter2\nDigestAuthenticationProvider.superDigest=super:hunter2=\nsnapCount=5\n" +
		"ssl.keystore.password=hunter2\n"
	c := mustParse(t, text)
	if c.TLS.KeyStore.Password.Reveal() != "hunter2" {
		t.Fatalf("got %q", c.TLS.KeyStore.Password.Reveal())
	}
	encoded, err := json.Marshal(c.TLS)
	if err != nil {
		t.Fatal(err)
	}
	for what, shown := range map[string]string{
		"%v": fmt.Sprintf("%v", c.TLS), "%+v": fmt.Sprintf("%+v", c.Auth), "%#v": fmt.Sprintf("%#v", c.TLS), "json": string(encoded),
		"settings": fmt.Sprint(c.Settings()), "initial configuration": c.InitialConfiguration(),
	} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, "ter2") {
			t.Errorf("%s shows it: %s", what, shown)
		}
	}
	want := minimal + "# keep this comment\nssl.keyStore.password=[redacted]\nDigestAuthenticationProvider.superDigest=[redacted]\nsnapCount=5\n" +
		"ssl.keystore.password=[redacted]\n"
	if got := c.InitialConfiguration(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if c.Text != text {
		t.Error("the original text is gone")
	}
}

func TestFileErrors(t *testing.T) {
	_, _, err := Load(Source{File: filepath.Join(t.TempDir(), "no.cfg")})
	var missing *FileError
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), "no.cfg") != 1 {
		t.Errorf("got %v", err)
	}
	big := filepath.Join(t.TempDir(), "big.cfg")
	if err := os.WriteFile(big, make([]byte, maxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(Source{File: big}); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v", err)
	}
	_, _, err = Load(Source{File: "zoo.cfg", ReadFile: files(map[string]string{"zoo.cfg": minimal + "dynamicConfigFile=gone"})})
	if err == nil || err.Error() != "dynamic configuration file gone: file does not exist" {
		t.Errorf("got %v", err)
	}
}

// A file myid that makes no sense is not said to be missing.
func TestMalformedMyIDIsToldOnce(t *testing.T) {
	_, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{
		"z": minimal + "initLimit=5\nsyncLimit=5\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n", "/d/myid": "abc"})})
	if err == nil || !strings.Contains(err.Error(), "abc") || strings.Contains(err.Error(), "has no file") {
		t.Errorf("got %v", err)
	}
}

func TestMyID(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "7\n": "7", " 3 \r\n": "3", "255": "255", "2\nrest": "2",
		"": "", "x": "", "-1": "", "256": "", "1 2": ""} {
		c, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": minimal, "/d/myid": text})})
		if want == "" {
			var bad *ValueError
			if !errors.As(err, &bad) || bad.Origin != (Origin{File: "/d/myid", Line: 1}) {
				t.Errorf("%q: got %v", text, err)
			}
			continue
		}
		if err != nil || fmt.Sprint(int64(c.Ensemble.MyID)) != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// What the lines of an ensemble say is what package quorum makes of them.
func TestMembership(t *testing.T) {
	text := "server.2=b:1:2;2181\nserver.1=a:1:2:observer\nserver.3=c:1:2\ngroup.1=2:3\nweight.3=2\n" +
		"standaloneEnabled=false\ninitLimit=1\nsyncLimit=1\n"
	c, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": minimal + text, "/d/myid": "2"})})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Ensemble.Membership()
	want := "server.1=a:1:2:observer\nserver.2=b:1:2:participant;0.0.0.0:2181\nserver.3=c:1:2:participant\n" +
		"group.1=2:3\nweight.2=1\nweight.3=2\nversion=0"
	if err != nil || string(m.Text()) != want {
		t.Errorf("got %s %v, want %s", m, err, want)
	}
}

func TestDistributed(t *testing.T) {
	one, three := "server.1=a:1:2\n", "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
	limits := "initLimit=1\nsyncLimit=1\n"
	for text, want := range map[string]bool{
		"":                              false,
		one:                             false,
		one + "standaloneEnabled=false": true,
		three:                           true,
	} {
		c, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": minimal + limits + text, "/d/myid": "1"})})
		if err != nil || c.Ensemble.Distributed != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestVersionOfName(t *testing.T) {
	for name, want := range map[string]uint64{"zoo.cfg.dynamic.100000012": 0x100000012, "zoo.cfg.dynamic": 0, "zoo": 0,
		"a.b/c": 0, "zoo.cfg.dynamic.0": 0, "x.cafe": 0xcafe, "": 0} {
		if got := versionOfName(name); got != want {
			t.Errorf("%s: got %x", name, got)
		}
	}
}

func TestDynamicFileIsStrict(t *testing.T) {
	load := func(static, dynamic string) error {
		_, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{
			"z": minimal + "initLimit=1\nsyncLimit=1\ndynamicConfigFile=dyn\n" + static, "dyn": dynamic, "/d/myid": "1"})})
		return err
	}
	good := "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
	if err := load("", good); err != nil {
		t.Error(err)
	}
	for _, tc := range [][3]string{
		{"", good + "version=1", "dyn:4: version: the version"},
		{"", good + "clientPort=1", "dyn:4: clientPort: only server"},
		{"", good + "server.4=d", "dyn:4: server.4"},
		{"server.1=a:1:2", good, "z:6: server.1: server, group and weight lines belong"},
	} {
		if err := load(tc[0], tc[1]); err == nil || !strings.Contains(err.Error(), tc[2]) {
			t.Errorf("%q %q: got %v", tc[0], tc[1], err)
		}
	}
}

// One case for each rule of Validate: the text that breaks it, and the key named.
func TestConflicts(t *testing.T) {
	three := "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
	for text, key := range map[string]string{
		"clientPort=1": "dataDir",
		"dataDir=/d":   "clientPort",
		"dataDir=/d\nsecureClientPort=1\nssl.clientAuth=none\nssl.keyStore.location=k\nclientPortAddress=h": "clientPortAddress",
		minimal + "secureClientPortAddress=h":                                                             "secureClientPortAddress",
		minimal + "secureClientPort=2181\nssl.clientAuth=none\nssl.keyStore.location=k.jks":               "secureClientPort",
		minimal + "secureClientPort=2":                                                                    "secureClientPort",
		minimal + "secureClientPort=2\nssl.keyStore.location=k":                                           "secureClientPort",
		minimal + "client.portUnification=true":                                                           "client.portUnification",
		minimal + three + "sslQuorum=true\nssl.quorum.keyStore.location=k":                                "sslQuorum",
		minimal + three + "portUnification=true\nssl.quorum.trustStore.location=t":                        "portUnification",
		minimal + "admin.forceHttps=true":                                                                 "admin.forceHttps",
		minimal + "admin.portUnification=true\nadmin.needClientAuth=true\nssl.quorum.keyStore.location=k": "admin.needClientAuth",
		minimal + "minSessionTimeout=9\nmaxSessionTimeout=8":                                              "minSessionTimeout",
		minimal + "fastleader.minNotificationInterval=70000":                                              "fastleader.minNotificationInterval",
		minimal + "connection_throttle_local_session_weight=5":                                            "connection_throttle_renew_session_weight",
		minimal + "enforce.auth.enabled=true":                                                             "enforce.auth.enabled",
		minimal + "quorum.auth.serverRequireSasl=true":                                                    "quorum.auth.serverRequireSasl",
		minimal + "quorum.auth.learnerRequireSasl=true":                                                   "quorum.auth.learnerRequireSasl",
		minimal + "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=true":                       "quorum.auth.serverRequireSasl",
		minimal + "server.1=a:1:2:observer":                                                               "server.N",
		minimal + "server.1=a:1:2:observer\nserver.2=a:1:2":                                               "server.N",
		minimal + "server.1=a:1:2|b:1:2":                                                                  "server.1",
		minimal + "weight.1=1":                                                                            "weight.N",
		minimal + "server.1=a:1:2\ngroup.1=1:2":                                                           "group.1",
		minimal + "server.1=a:1:2\ngroup.1=1\ngroup.2=1":                                                  "group.2",
		minimal + "server.1=a:1:2\nserver.2=b:1:2:observer\nstandaloneEnabled=false\ngroup.1=2":           "server.1",
		minimal + three + "initLimit=1":                                                                   "syncLimit",
		minimal + three + "syncLimit=1":                                                                   "initLimit",
		minimal + three + "initLimit=1\nsyncLimit=1":                                                      "dataDir",
	} {
		_, _, err := Parse("z", []byte(text))
		var named []string
		var all Errors
		if errors.As(err, &all) {
			for _, e := range all {
				var c *ConflictError
				if errors.As(e, &c) {
					named = append(named, c.Key)
				}
			}
		}
		if !strings.Contains(" "+strings.Join(named, " ")+" ", " "+key+" ") {
			t.Errorf("%q: got %v, want a problem of %s", text, err, key)
		}
	}
}

func TestConflictsWithMyID(t *testing.T) {
	three := minimal + "initLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
	for myid, text := range map[string]string{"4": three, "255": three + "extendedTypesEnabled=true\nserver.255=d:1:2\n",
		"128": three + "extendedTypesEnabled=true\nemulate353TTLNodes=true\nserver.128=d:1:2\n",
		"1":   three + "server.1=a:1:2;2182\n"} {
		_, _, err := Load(Source{File: "z", ReadFile: files(map[string]string{"z": text, "/d/myid": myid})})
		var c *ConflictError
		if !errors.As(err, &c) {
			t.Errorf("myid %s: got %v", myid, err)
		}
	}
}

func TestValidateByHand(t *testing.T) {
	c := mustParse(t, minimal)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.DataDir = ""
	if err := c.Validate(); err == nil {
		t.Fatal("no error without dataDir")
	}
}

func TestFlagUsage(t *testing.T) {
	fs := pflag.NewFlagSet("server", pflag.ContinueOnError)
	NewFlags().Register(fs)
	usages := fs.FlagUsages()
	for _, shown := range []string{"--clientPort port", "--set key=value", "(default 60)"} {
		if !strings.Contains(usages, shown) {
			t.Errorf("no %q in:\n%s", shown, usages)
		}
	}
	if strings.Contains(usages, "connectionMaxTokens") {
		t.Error("a rare key is shown")
	}
	if err := fs.Parse([]string{"--set", "novalue"}); err == nil {
		t.Error("--set without a value was taken")
	}
}

func FuzzParse(f *testing.F) {
	samples, _ := filepath.Glob("testdata/samples/*.cfg")
	for _, path := range samples {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, warnings, err := Parse("zoo.cfg", text)
		if (c == nil) == (err == nil) {
			t.Fatal("a configuration and an error, or neither")
		}
		seen := map[string]bool{}
		for _, w := range warnings {
			if w.Kind != Advice && seen[w.Key] {
				t.Fatalf("two warnings for %q", w.Key)
			}
			seen[w.Key] = true
			_ = w.String()
		}
		if err != nil {
			_ = err.Error()
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("loaded and not valid: %v", err)
		}
		_ = c.InitialConfiguration()
	})
}

// A megabyte of anything must not take long; a suggestion for every line would.
func BenchmarkParseHostile(b *testing.B) {
	var text strings.Builder
	text.WriteString(minimal)
	for i := 0; text.Len() < maxFileBytes-64; i++ {
		fmt.Fprintf(&text, "unknown.key.%d=1\nserver.%d=a:1:2\n", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = Parse("zoo.cfg", []byte(text.String()))
	}
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/samples/tuned.cfg")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = Parse("zoo.cfg", text)
	}
}

func TestSyntaxErrorNamesFileAndLine(t *testing.T) {
	_, _, err := Parse("zoo.cfg", []byte("a=1\nb=\\u12G4\n"))
	want := `zoo.cfg:2: \u must be followed by four hexadecimal digits`
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

// What is wrong with the form of a file is said in a line that a terminal and a
// person can bear.
func TestWarningsOfOddFiles(t *testing.T) {
	const head = "dataDir=/d\nclientPort=2181\n"
	for name, c := range map[string]struct{ text, want string }{
		"byte order mark": {"\xef\xbb\xbf#comment\n" + head, "zoo.cfg:1: byte order mark: the file begins with one"},
		"twice":           {head + "tickTime=1000\ntickTime=2000\ntickTime=3000\n", "zoo.cfg:5: tickTime: this line holds, and line 3 is ignored"},
		"long key":        {head + strings.Repeat("k", 500_000) + "=1\n", "zoo.cfg:3: " + strings.Repeat("k", 100) + "…: unknown key"},
		"control key":     {head + "evil\\u001b[31m!=1\n", `zoo.cfg:3: "evil\x1b[31m!": unknown key`},
	} {
		_, warnings, err := Parse("zoo.cfg", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(warnings) == 0 || !slices.ContainsFunc(warnings, func(w Warning) bool { return strings.HasPrefix(w.String(), c.want) }) {
			t.Errorf("%s: %.300q, want %q", name, fmt.Sprint(warnings), c.want)
		}
	}
	_, warnings, err := Parse("zoo.cfg", []byte(head+"tickTime=1000\ntickTime=1000\n"))
	if err != nil || len(warnings) > 0 {
		t.Errorf("the same twice: %v, %v", warnings, err)
	}
	_, _, err = Parse("zoo.cfg", []byte(head+"tickTime="+strings.Repeat("9", 500_000)+"\n"))
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("a long value makes an error of %d bytes", len(fmt.Sprint(err)))
	}
}
