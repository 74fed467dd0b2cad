package auth

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/zabra/zabra/sasl"
)

const sampleJAAS = `
/* users of
   the service */
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_super="adminsecret" // the operator
    user_bob="bob\"s \\ secret"
    # user_eve="gone"
    user_carl=plain;
};
"Client" {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="bob"
    password="bobsecret";
};
QuorumServer {
    com.sun.security.auth.module.Krb5LoginModule REQUIRED
    useKeyTab=true keyTab="/etc/zk.keytab" principal="zookeeper/host@EXAMPLE.COM";
    a.B optional;
};
Empty { };
`

func TestParseJAAS(t *testing.T) {
	const digest = "org.apache.zookeeper.server.auth.DigestLoginModule"
	got, err := ParseJAAS(sampleJAAS)
	want := map[string][]LoginModule{
		"Server": {{digest, "required", map[string]string{
			"user_super": "adminsecret", "user_bob": `bob"s \ secret`, "user_carl": "plain",
		}}},
		"Client": {{digest, "required", map[string]string{"username": "bob", "password": "bobsecret"}}},
		"QuorumServer": {
			{"com.sun.security.auth.module.Krb5LoginModule", "required", map[string]string{
				"useKeyTab": "true", "keyTab": "/etc/zk.keytab", "principal": "zookeeper/host@EXAMPLE.COM",
			}},
			{"a.B", "optional", map[string]string{}},
		},
		"Empty": nil,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\n%+v\nwant\n%+v", err, got, want)
	}
	users, err := JAASUsers(got["Server"], "")
	if want := (sasl.Users{"super": "adminsecret", "bob": `bob"s \ secret`, "carl": "plain"}); err != nil || !reflect.DeepEqual(users, want) {
		t.Errorf("users %v, %v", users, err)
	}
	if users, _ := JAASUsers(got["Server"], "override"); users["super"] != "override" || users["bob"] == "override" {
		t.Errorf("users with a super password: %v", users)
	}
	if users, err := JAASUsers(got["Client"], "override"); err != nil || len(users) != 0 {
		t.Errorf("users of a section without any: %v, %v", users, err)
	}
	if _, err := JAASUsers(got["QuorumServer"], ""); !errors.Is(err, ErrSASLUnsupported) {
		t.Errorf("Kerberos: %v", err)
	}
}

func TestMistakesInJAASNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"Server":             "line 1: expected {, found the end of the file",
		"\n\n{":              "line 3: expected the name of a section, found {",
		"Server {\n a.B\n};": "line 3: expected required, requisite, sufficient or optional, found }",
		"Server {\n a.B required\n user_bob secret;};":  "line 3: expected =, found a word",
		"Server {\n a.B required\n user_bob=;};":        "line 3: expected the value of user_bob, found ;",
		"Server {\n a.B required\n user_bob=\"x\ny\";}": "line 3: expected the value of user_bob, found a text without its closing quote",
		"Server {\n a.B required user_bob=x };":         "line 2: expected an option or ;, found }",
		"Server {\n a.B required;\n}\n":                 "line 4: expected ; after the }, found the end of the file",
		"Server { };\nServer { };":                      "line 2: section Server occurs twice",
		"Server { /* };":                                "line 1: expected the class of a login module, found a comment without its end",
		strings.Repeat(" ", MaxJAAS+1):                  "line 1: the file is longer than 1048576 bytes",
	} {
		_, err := ParseJAAS(text)
		var at *JAASError
		if !errors.As(err, &at) || err.Error() != want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%.60q: the error shows a password", text)
		}
	}
}

func FuzzParseJAAS(f *testing.F) {
	f.Add(sampleJAAS)
	f.Add("A { b required c=\"\\\n\"; };")
	f.Add("A{b required;};/*")
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := ParseJAAS(text)
		if err != nil && sections != nil {
			t.Fatal("sections with an error")
		}
		for _, modules := range sections {
			_, _ = JAASUsers(modules, "x")
		}
	})
}
