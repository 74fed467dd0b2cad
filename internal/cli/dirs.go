package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zabra/zabra/client"
)

// An export as directories: a node without children, with data, and open to everybody
// is a file that holds the data. Every other node is a directory, with the data in
// .data, which is missing for null, and its ACL in .acl, which is missing for one that
// is open to everybody. In names, % and a dot at the beginning are written as %25 and
// %2E.
const (
	dirData = ".data"
	dirACL  = ".acl"
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

type dirExporter struct{ dir string }

// newDirExporter begins in a directory that is empty or not there.
func newDirExporter(dir string) (*dirExporter, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return nil, fmt.Errorf("export: %s is not empty\nhint: name a directory that is not there", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("export: %w", err)
	}
	return &dirExporter{dir}, nil
}

func (d *dirExporter) put(path string, leaf bool, data []byte, acl []client.ACL) error {
	at := filepath.Join(d.dir, escapePath(path))
	if leaf && data != nil && acl == nil && path != "/" {
		return os.WriteFile(at, data, 0o600)
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	if data != nil {
		if err := os.WriteFile(filepath.Join(at, dirData), data, 0o600); err != nil {
			return err
		}
	}
	if acl == nil {
		return nil
	}
	b, err := json.MarshalIndent(aclForJSON(acl), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(at, dirACL), append(b, '\n'), 0o600)
}

func (d *dirExporter) close(bool) error { return nil }

// readDirs gives the nodes of directories to f, parents first.
func readDirs(dir string, f func(path string, data []byte, acl []client.ACL) error) error {
	return filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		path := "/" + unescapes.Replace(filepath.ToSlash(rel))
		if rel == "." {
			path = "/"
		}
		switch {
		case e.IsDir():
			data, acl, err := readDir(at)
			if err != nil {
				return fmt.Errorf("import %s: %w", at, err)
			}
			return f(path, data, acl)
		case e.Name() == dirData || e.Name() == dirACL:
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("import %s: neither a file nor a directory", at)
		}
		data, err := readBounded(at)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		return f(path, data, nil)
	})
}

// readDir reads a node that is a directory.
func readDir(at string) (data []byte, acl []client.ACL, err error) {
	data, err = readBounded(filepath.Join(at, dirData))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	text, err := readBounded(filepath.Join(at, dirACL))
	if errors.Is(err, fs.ErrNotExist) {
		return data, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var list []aclJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dirACL, err)
	}
	acl, err = decodeACL(list)
	return data, acl, err
}

// readBounded reads a file that is not larger than a node can be anywhere.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxExportLine {
		return nil, fmt.Errorf("%s: %d bytes are more than a node holds", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if data == nil && err == nil {
		data = []byte{}
	}
	return data, err
}
