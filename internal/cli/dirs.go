package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zabra/zabra/wire"
)

// An export as directories: a node without children, with data, and open to everybody
// is a file that holds the data. Every other node is a directory, with the data in
// .data, which is missing for null, its ACL in .acl, which is missing for one that is
// open to everybody, and in .kind, which is missing for a persistent one, "container" or
// "ttl" and milliseconds, which no export writes and a person may. In names, % and a
// dot at the beginning are written as %25 and %2E.
const (
	dirData = ".data"
	dirACL  = ".acl"
	dirKind = ".kind"
)

var escapes, unescapes = strings.NewReplacer("%", "%25", "\\", "%5C"), strings.NewReplacer("%25", "%", "%5C", "\\", "%2E", ".")

func escapeName(name string) string {
	name = escapes.Replace(name)
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return name
}

func escapePath(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range parts {
		parts[i] = escapeName(parts[i])
	}
	return filepath.Join(parts...)
}

type dirExporter struct {
	dir   string
	begun bool // something is written
}

// newDirExporter begins in a directory that is empty or not there.
func newDirExporter(dir string) (*dirExporter, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return nil, fmt.Errorf("export: %s is not empty\nhint: name a directory that is not there", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("export: %w", err)
	}
	return &dirExporter{dir: dir}, nil
}

func (d *dirExporter) put(n *record, leaf bool) error {
	at := filepath.Join(d.dir, escapePath(n.path))
	if leaf && n.data != nil && n.acl == nil && n.path != "/" {
		return d.write(at, n.data)
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return fmt.Errorf("export %s: %w", n.path, err)
	}
	d.begun = true
	if n.data != nil {
		if err := d.write(filepath.Join(at, dirData), n.data); err != nil {
			return err
		}
	}
	if n.acl == nil {
		return nil
	}
	b, err := json.MarshalIndent(aclForJSON(n.acl), "", "  ")
	if err != nil {
		return err
	}
	return d.write(filepath.Join(at, dirACL), append(b, '\n'))
}

// write makes a file. One that is there would be that of another node, where a file
// system takes two names for one.
func (d *dirExporter) write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// close cannot take back what is written: somebody else may have written there, too.
func (d *dirExporter) close(whole bool) error {
	if whole || !d.begun {
		return nil
	}
	return fmt.Errorf("a part of the export is in %s; an export to a file is whole or not there", d.dir)
}

// readDirs gives the nodes of directories to f, parents first.
func readDirs(dir string, f func(*record) error) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		n, err := readEntry(dir, at, e)
		if err != nil {
			return fmt.Errorf("import %q: %w", at, err)
		}
		if n == nil {
			return nil
		}
		return f(n)
	})
}

var (
	errNotRegular = errors.New("it is neither a file nor a directory")
	errNoName     = errors.New("its name cannot be that of a node")
)

// readEntry reads a node that is a directory or a file; nil for what belongs to the
// directory it is in.
func readEntry(dir, at string, e fs.DirEntry) (*record, error) {
	rel, err := filepath.Rel(dir, at)
	if err != nil {
		return nil, err
	}
	n := &record{path: "/"}
	if rel != "." {
		n.path = "/" + unescapes.Replace(filepath.ToSlash(rel))
	}
	switch name := e.Name(); {
	case e.IsDir():
		err = n.readDir(at)
	case rel != "." && (name == dirData || name == dirACL || name == dirKind):
		return nil, nil
	default:
		n.data, err = readBounded(at)
	}
	if err == nil && !wire.ValidPath(n.path) {
		err = errNoName
	}
	return n, err
}

// readDir reads what a directory says about its node. Each of the files may be missing.
func (n *record) readDir(at string) error {
	for _, part := range []struct {
		name string
		set  func(content []byte) error
	}{
		{dirData, func(b []byte) error { n.data = b; return nil }},
		{dirACL, n.setACL},
		{dirKind, n.setKind},
	} {
		b, err := readBounded(filepath.Join(at, part.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = part.set(b)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// setACL reads what .acl holds.
func (n *record) setACL(text []byte) (err error) {
	var list []aclJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	n.acl, err = decodeACL(list)
	return err
}

// setKind reads what .kind holds.
func (n *record) setKind(content []byte) error {
	text := strings.TrimSpace(string(content))
	if text == "container" {
		n.container = true
		return nil
	}
	ms, found := strings.CutPrefix(text, "ttl ")
	d, err := strconv.ParseInt(ms, 10, 64)
	if !found || err != nil || d < 1 || d > wire.MaxTTL {
		return fmt.Errorf("want container, or ttl and 1 to %d ms", wire.MaxTTL)
	}
	n.ttl = time.Duration(d) * time.Millisecond
	return nil
}

// readBounded reads a file that is not larger than a node can be anywhere. It does not
// follow links, and waits for no pipe.
func readBounded(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxExportLine+1))
	if err == nil && len(data) > maxExportLine {
		err = fmt.Errorf("more than %d bytes are more than a node holds", maxExportLine)
	}
	return data, bare(err)
}

// bare is an error without the path, which is said already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
