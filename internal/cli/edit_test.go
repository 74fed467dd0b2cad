package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/zabra/zabra/client"
)

// What was typed is set, or is in a file that the error names, whatever else happens.
func TestEditLosesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	fails := errors.New("exit status 1")
	for name, tc := range map[string]struct {
		old, typed string
		editor     error
		meanwhile  func(context.Context, Service) error // somebody else's change
		answers    []string                             // to what to do about that
		code       int
		data       string // of the node in the end
		kept       bool
	}{
		"a line":                  {old: "old", typed: "new\n", data: "new"},
		"a line that had its end": {old: "old\n", typed: "new\n", data: "new\n"},
		"nothing":                 {old: "old", typed: "old\n", data: "old"},
		"the editor fails":        {old: "old", typed: "new", editor: fails, code: ExitFailed, data: "old", kept: true},
		"set nevertheless":        {old: "old", typed: "new", meanwhile: changeEdited, answers: []string{"x", "S\n"}, data: "new"},
		"given up":                {old: "old", typed: "new", meanwhile: changeEdited, answers: []string{"g"}, code: ExitVersion, data: "theirs", kept: true},
		"nobody answers":          {old: "old", typed: "new", meanwhile: changeEdited, code: ExitVersion, data: "theirs", kept: true},
		"it is gone": {old: "old", typed: "new", code: ExitFailed, kept: true,
			meanwhile: func(ctx context.Context, svc Service) error { return svc.Delete(ctx, "/e", client.AnyVersion) }},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			var r *rig
			r = newRig(t, func(c *Config) {
				c.Edit = func(f string) error {
					file = f
					if text, err := os.ReadFile(f); err != nil || string(text) != tc.old {
						t.Errorf("the editor has %q, %v", text, err)
					}
					if tc.meanwhile != nil {
						if err := tc.meanwhile(t.Context(), r.svc); err != nil {
							t.Error(err)
						}
					}
					return errors.Join(tc.editor, os.WriteFile(f, []byte(tc.typed), 0o600))
				}
				c.Ask = func(string) (string, error) {
					if len(tc.answers) == 0 {
						return "", errors.New("nobody is there")
					}
					answer := tc.answers[0]
					tc.answers = tc.answers[1:]
					return answer, nil
				}
			})
			if _, err := r.svc.Create(t.Context(), "/e", []byte(tc.old)); err != nil {
				t.Fatal(err)
			}
			err := r.Run(t.Context(), []string{"edit", "/e"})
			if ExitCode(err) != tc.code {
				t.Errorf("exit code %d, %v", ExitCode(err), err)
			}
			if data, _, err := r.svc.Get(t.Context(), "/e"); tc.data != "" && (err != nil || string(data) != tc.data) {
				t.Errorf("the node has %q, %v", data, err)
			}
			wantKept(t, file, tc.typed, err, tc.kept)
		})
	}
}

func changeEdited(ctx context.Context, svc Service) error {
	_, err := svc.Set(ctx, "/e", []byte("theirs"), client.AnyVersion)
	return err
}

// wantKept wants what was typed to be in the file, and the error to say so; or no file.
func wantKept(t *testing.T, file, typed string, said error, kept bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if !kept {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left, %v", file, err)
		}
		return
	}
	if err != nil || string(text) != typed || said == nil || lastLine(said.Error()) != "hint: what you have typed is in "+file {
		t.Errorf("%q, %v; it said %v", text, err, said)
	}
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }
