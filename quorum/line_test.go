package quorum

import (
	"errors"
	"testing"
)

func TestServerLines(t *testing.T) {
	for value, want := range map[string]string{
		"h:1:2":                         "h:1:2:participant",
		"h:1:2:Observer":                "h:1:2:observer",
		"h:1:2;3":                       "h:1:2:participant;0.0.0.0:3",
		"h:1:2:participant;c:3":         "h:1:2:participant;c:3",
		"[::1]:1:2;[fe80::1]:3":         "[::1]:1:2:participant;[fe80::1]:3",
		"b:1:2|a:3:4":                   "a:3:4|b:1:2:participant",
		"[::2]:1:2|[::1]:3:4:observer":  "[::1]:3:4|[::2]:1:2:observer",
		"a:1:2:observer|b:1:2:observer": "a:1:2|b:1:2:observer",
		"h:1:2;":                        "h:1:2:participant",
		" h:1:2 ; 3 ":                   "h:1:2:participant;0.0.0.0:3",
	} {
		s, err := ParseServer("1", value)
		if err != nil || s.String() != want {
			t.Errorf("%s: got %s %v, want %s", value, s, err, want)
		}
	}
	for _, value := range []string{"", "h", "h:1", "h:1:1", "h:1:2:boss", "h:1:2:observer:x", "h:1:70000", "h:a:2", ":1:2",
		"[::1:1:2", "[::1]", "h:1:2;1;2", "h:1:2;x", "h:1:2;:3", "a:1:2:observer|b:1:2:participant", "a:1:2|"} {
		var bad *LineError
		if s, err := ParseServer("1", value); !errors.As(err, &bad) || bad.Want == "" || bad.Key != "server.1" {
			t.Errorf("%s: taken as %s, %v", value, s, err)
		}
	}
	for _, id := range []string{"", "x", "-1", "256", "1.1"} {
		if s, err := ParseServer(id, "h:1:2"); err == nil {
			t.Errorf("%q: taken as %d", id, s.ID)
		}
	}
}

func TestGroupAndWeightLines(t *testing.T) {
	if g, err := ParseGroup("2", "3: 1:2"); err != nil || g.ID != 2 || len(g.Members) != 3 || g.Members[0] != 3 {
		t.Errorf("got %v %v", g, err)
	}
	for _, v := range []string{"", "1::2", "1,2", "256"} {
		if g, err := ParseGroup("1", v); err == nil {
			t.Errorf("%q: taken as %v", v, g)
		}
	}
	if w, err := ParseWeight("2", "0"); err != nil || w != (Weight{ID: 2}) {
		t.Errorf("got %v %v", w, err)
	}
	for _, v := range []string{"", "-1", "x", "9223372036854775808"} {
		if w, err := ParseWeight("1", v); err == nil {
			t.Errorf("%q: taken as %v", v, w)
		}
	}
}
