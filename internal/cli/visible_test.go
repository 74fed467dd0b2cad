package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/zabra/zabra/client"
)

// What anybody has written into a node is shown on a terminal, which does not obey it, and
// goes through a pipe as it is.
func TestTerminalObeysNoData(t *testing.T) {
	const evil = "red \x1b[31;7mx\x1b]0;title\x07 \x1b[2J\r\n\ttwo \u009b2J \u202eturned \x7f"
	const shown = `red \u001b[31;7mx\u001b]0;title\u0007 \u001b[2J\u000d` + "\n\t" + `two \u009b2J \u202eturned \u007f`
	for _, terminal := range []bool{true, false} {
		errs := new(bytes.Buffer)
		r := newRig(t, func(c *Config) { c.Terminal, c.Person, c.Colour, c.Err = terminal, terminal, terminal, errs })
		ctx := t.Context()
		svc := r.svc.(*client.Client)
		for _, node := range [][2]string{{"/h", evil}, {"/h/\u202ename", "bytes \x9b2J"}} {
			if _, err := svc.Create(ctx, node[0], []byte(node[1])); err != nil {
				t.Fatal(err)
			}
		}
		say := func(line string) string {
			r.out.Reset()
			if err := r.Run(ctx, strings.Fields(line)); err != nil {
				t.Error(line, err)
			}
			return r.out.String()
		}
		want := map[bool]string{true: shown, false: evil}[terminal]
		if got := say("get /h"); got != want+"\n" {
			t.Errorf("%q, want %q", got, want)
		}
		want = map[bool]string{true: `bytes \x9b2J`, false: "bytes \x9b2J"}[terminal]
		if got := say("get /h/\u202ename"); got != want+"\n" {
			t.Errorf("%q, want %q", got, want)
		}
		for _, line := range []string{"ls /h", "ls -R /h", "tree /h", "find -name *name /h", "du /h", "getAcl /h", "ls --json /h"} {
			if got := say(line); strings.Contains(got, "\u202e") == terminal && line != "getAcl /h" {
				t.Errorf("%s: %q", line, got)
			}
		}
		if got := say("tree /h"); strings.Contains(got, "\x1b[1;34m/h\x1b[0m\n") != terminal {
			t.Errorf("own colours: %q", got)
		}
		var node struct{ Data string }
		if err := json.Unmarshal([]byte(say("get --json /h")), &node); err != nil || node.Data != evil {
			t.Errorf("%q, %v", node.Data, err)
		}
	}
}
