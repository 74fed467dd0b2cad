package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zabra/zabra/client"
)

func editCommands() []*command {
	return []*command{
		{name: "edit", args: "path", help: "change a node's data in $VISUAL or $EDITOR, unless somebody else does meanwhile",
			paths: 1, min: 1, max: 1, run: edit},
	}
}

// An edit is a node's data in a file, and what it was.
type editing struct {
	*call
	file    string
	data    []byte
	version int32
	keep    bool // the file is all that is left of what was typed
}

// edit writes the data to a file, has it edited, and sets it if the version is still
// that which was read. What was typed is never lost: if it cannot be set the file
// stays.
func edit(ctx context.Context, c *call) error {
	if c.cfg.Edit == nil {
		return errors.New("edit: there is no editor here\nhint: it is for a terminal; set changes data, too")
	}
	data, st, err := c.svc.Get(ctx, c.path())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zabra-edit-") // only its owner may read it
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	name := c.path()[strings.LastIndexByte(c.path(), '/')+1:]
	e := &editing{call: c, file: filepath.Join(dir, "data-"+escapeName(name)), data: data, version: st.Version}
	defer func() {
		if !e.keep {
			os.RemoveAll(dir)
		}
	}()
	if err := os.WriteFile(e.file, data, 0o600); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	return e.run(ctx)
}

// run edits until the data is set, or given up.
func (e *editing) run(ctx context.Context) error {
	for {
		if err := e.cfg.Edit(e.file); err != nil {
			return e.kept(fmt.Errorf("edit: the editor: %w", err))
		}
		text, err := os.ReadFile(e.file)
		if err != nil {
			return e.kept(fmt.Errorf("edit: %w", err))
		}
		text = e.asTyped(text)
		if bytes.Equal(text, e.data) {
			return e.show(messageView{e.path() + " is unchanged"})
		}
		_, err = e.svc.Set(ctx, e.path(), text, e.version)
		if !errors.Is(err, client.ErrBadVersion) {
			return e.kept(err)
		}
		again, err := e.conflict(ctx, text)
		if err != nil || !again {
			return err
		}
	}
}

// asTyped takes away the line end that editors put behind data that had none.
func (e *editing) asTyped(text []byte) []byte {
	if !bytes.HasSuffix(e.data, []byte("\n")) {
		text = bytes.TrimSuffix(text, []byte("\n"))
	}
	return text
}

// kept is an error, after which the file stays.
func (e *editing) kept(err error) error {
	if err == nil {
		return nil
	}
	e.keep = true
	err = explain(e.path(), err)
	return &explained{text: err.Error() + "\nhint: what you have typed is in " + e.file, err: err}
}

// conflict asks what to do when somebody else has changed the node: to edit again,
// with their data in a file beside, to set it nevertheless, or to give up.
func (e *editing) conflict(ctx context.Context, text []byte) (again bool, err error) {
	theirs, st, err := e.svc.Get(ctx, e.path())
	if err != nil {
		return false, e.kept(err)
	}
	beside := e.file + ".theirs"
	if err := os.WriteFile(beside, theirs, 0o600); err != nil {
		return false, e.kept(err)
	}
	e.out.notice("%s was changed meanwhile: version %d is %d now. Theirs is in %s", e.path(), e.version, st.Version, beside)
	for e.cfg.Ask != nil {
		answer, err := e.cfg.Ask("[e]dit again, [s]et mine nevertheless, [g]ive up? ")
		if err != nil {
			break
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "e":
			e.data, e.version = theirs, st.Version
			return true, nil
		case "s":
			_, err := e.svc.Set(ctx, e.path(), text, st.Version)
			if errors.Is(err, client.ErrBadVersion) {
				return e.conflict(ctx, text)
			}
			return false, e.kept(err)
		case "g":
			return false, e.kept(client.ErrBadVersion)
		}
	}
	return false, e.kept(client.ErrBadVersion)
}
