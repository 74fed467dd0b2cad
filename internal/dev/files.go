package dev

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
)

// A size is what the file ensemble holds.
type size struct {
	Servers   int `json:"servers"`
	Observers int `json:"observers"`
}

func (s size) String() string {
	text := fmt.Sprintf("%d servers", s.Servers)
	if s.Servers == 1 {
		text = "1 server"
	}
	if s.Observers > 0 {
		text += fmt.Sprintf(" and %d observer(s)", s.Observers)
	}
	return text
}

// Names in the directory.
const (
	markName = "ensemble"
	lockName = "lock"
)

// prepare makes the directory ready for an ensemble of this size, and refuses one
// that holds something else or is in use. It is in use until the lock is closed.
func prepare(dir string, want size, fresh bool) (lock io.Closer, err error) {
	if err := foreign(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("dev: %w", err)
	}
	lock, err = osfs.FS{}.Lock(filepath.Join(dir, lockName))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, fmt.Errorf("dev: another zabra dev runs on %s: stop it, or give --data another directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("dev: %w", err)
	}
	if err := fill(dir, want, fresh); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// foreign refuses a directory of somebody else.
func foreign(dir string) error {
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	other := ""
	for _, f := range there {
		switch f.Name() {
		case markName:
			return nil
		case lockName:
		default:
			other = f.Name()
		}
	}
	if other == "" {
		return nil
	}
	return fmt.Errorf("dev: %s holds %s and was not made by this command; give --data another directory", dir, other)
}

// fill leaves a mark of this size in the directory, if there is not one already.
func fill(dir string, want size, fresh bool) error {
	mark := filepath.Join(dir, markName)
	held, err := readMark(mark)
	if err != nil {
		return err
	}
	if held != nil && fresh {
		if err := removeData(dir, *held); err != nil {
			return err
		}
		held = nil
	}
	switch {
	case held == nil:
		return writeMark(mark, want)
	case *held != want:
		return fmt.Errorf("dev: %s holds the data of %v, not of %v: start as many again, or begin anew with --fresh", dir, *held, want)
	}
	return nil
}

// readMark returns nil where there is none.
func readMark(mark string) (*size, error) {
	text, err := os.ReadFile(mark)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dev: %w", err)
	}
	var held size
	if err := json.Unmarshal(text, &held); err != nil {
		return nil, fmt.Errorf("dev: %s is not of this command: %w; give --data another directory", mark, err)
	}
	return &held, nil
}

func writeMark(mark string, want size) error {
	text, err := json.Marshal(want)
	if err == nil {
		err = os.WriteFile(mark, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	return nil
}

// removeData removes what this command has made, and nothing else.
func removeData(dir string, held size) error {
	for id := 1; id <= held.Servers+held.Observers; id++ {
		if err := os.RemoveAll(filepath.Join(dir, strconv.Itoa(id))); err != nil {
			return fmt.Errorf("dev: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(dir, markName)); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	return nil
}

// configure writes zoo.cfg and myid of every server. Paths in it are relative to dir,
// which spares them the escapes of the syntax.
func configure(dir string, servers []*server) error {
	var members bytes.Buffer
	for _, s := range servers {
		role := "participant"
		if s.observer {
			role = "observer"
		}
		// With the address of its clients, zabra status finds all from one.
		fmt.Fprintf(&members, "server.%d=%s:%d:%d:%s;%s:%d\n", s.id, host, s.quorum, s.election, role, host, s.client)
	}
	if len(servers) == 1 {
		members.WriteString("standaloneEnabled=false\n")
	}
	for _, s := range servers {
		own := filepath.Join(dir, s.dir())
		if err := os.MkdirAll(own, 0o755); err != nil {
			return fmt.Errorf("dev: %w", err)
		}
		text := s.config() + members.String()
		for name, text := range map[string]string{"zoo.cfg": text, "myid": s.dir() + "\n"} {
			if err := os.WriteFile(filepath.Join(own, name), []byte(text), 0o644); err != nil {
				return fmt.Errorf("dev: %w", err)
			}
		}
	}
	return nil
}

// config is what only this server has in its zoo.cfg. A tick of a second notices a
// server that hangs while one still looks.
func (s *server) config() string {
	return strings.Join([]string{
		"# Written by zabra dev at each start.",
		"tickTime=1000",
		"initLimit=10",
		"syncLimit=5",
		"dataDir=" + s.dir(),
		"clientPort=" + strconv.Itoa(s.client),
		"clientPortAddress=" + host,
		"maxClientCnxns=0",
		"admin.serverPort=" + strconv.Itoa(s.admin),
		"admin.serverAddress=" + host,
		"4lw.commands.whitelist=*",
		"",
	}, "\n")
}
