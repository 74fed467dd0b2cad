package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// An export file is one JSON object a line: a header, the nodes, parents before
// children, and an end that says how many there are, so that half a file is told from
// a whole one.

// exportFormat names the format, and its version.
const exportFormat = "zabra-export-1"

type exportHeader struct {
	Format string `json:"format"`
	Root   string `json:"root"` // what was exported
}

// An exportNode is one node. Its path begins at what was exported, which is "/".
type exportNode struct {
	Path     string    `json:"path"`
	Data     *string   `json:"data,omitempty"`
	Encoding string    `json:"encoding,omitempty"` // utf-8, base64, or null for no data
	ACL      []aclJSON `json:"acl,omitempty"`      // none if it is open to everybody

	// Servers do not tell these. import makes such nodes where somebody has written it.
	Container bool  `json:"container,omitempty"`
	TTL       int64 `json:"ttl,omitempty"` // milliseconds
}

type exportEnd struct {
	End   bool `json:"end"`
	Nodes int  `json:"nodes"`
}

// An exporter takes nodes, parents first, names sorted.
type exporter interface {
	put(n *record, leaf bool) error
	// close ends an export that is whole. Of one that is not it drops what it can, and
	// the error says what it cannot.
	close(whole bool) error
}

func export(ctx context.Context, c *call) error {
	out, err := c.exporter()
	if err != nil {
		return err
	}
	n, from := 0, c.path()
	skipped, err := c.each(ctx, from, func(v *visit, acl []client.ACL) error {
		n++
		c.progress("exported", n)
		return out.put(&record{path: below(v.path, from, "/"), data: v.data, acl: acl}, len(v.names) == 0)
	})
	if left := out.close(err == nil); left != nil {
		return errors.Join(err, left)
	}
	if err != nil {
		return err
	}
	c.sayPersistent("exported")
	if c.args[1] == "-" {
		return nil
	}
	return c.show(doneView{n, skipped, "exported"})
}

func (c *call) exporter() (exporter, error) {
	to := c.args[1]
	switch {
	case c.has("dir"):
		return newDirExporter(to)
	case to == "-":
		return newJSONExporter(c.path(), c.out.out, nil), nil
	}
	if _, err := os.Lstat(to); err == nil && !c.has("f") {
		return nil, fmt.Errorf("export: %s is there already\nhint: -f puts the export in its place", to)
	}
	// What stands at the end is whole, and only its owner may read it.
	f, err := os.CreateTemp(filepath.Dir(to), ".zabra-export-")
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	e := newJSONExporter(c.path(), f, f)
	e.to = to
	return e, nil
}

type jsonExporter struct {
	w    *bufio.Writer
	e    *json.Encoder
	n    int
	file *os.File // nil for standard output
	to   string   // what the file is called in the end
}

func newJSONExporter(root string, w io.Writer, file *os.File) *jsonExporter {
	b := bufio.NewWriter(w)
	j := &jsonExporter{w: b, e: json.NewEncoder(b), file: file}
	j.e.SetEscapeHTML(false)
	j.e.Encode(exportHeader{exportFormat, root}) // into a buffer that is empty
	return j
}

func (j *jsonExporter) put(n *record, _ bool) error {
	var v nodeView
	v.setData(n.data)
	j.n++
	return j.e.Encode(exportNode{n.path, v.Data, v.Encoding, aclForJSON(n.acl), n.container, n.ttl.Milliseconds()})
}

func (j *jsonExporter) close(whole bool) error {
	var err error
	if whole {
		err = errors.Join(j.e.Encode(exportEnd{true, j.n}), j.w.Flush())
	}
	if j.file == nil {
		return errors.Join(err, j.w.Flush())
	}
	err = errors.Join(err, j.file.Close())
	if whole && err == nil {
		err = os.Rename(j.file.Name(), j.to)
	}
	if !whole || err != nil {
		os.Remove(j.file.Name())
	}
	return err
}

// A FormatError is a line of an export file that cannot be.
type FormatError struct {
	Line    int
	Problem string
}

// Error names the line.
func (e *FormatError) Error() string {
	return fmt.Sprintf("line %d of the export: %s", e.Line, e.Problem)
}

// maxExportLine bounds a node: more than any server takes by default.
const maxExportLine = 64 << 20

// readExport gives the nodes of an export file to f, and looks whether it is whole.
func readExport(r io.Reader, f func(*record) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxExportLine)
	line, nodes := 0, 0
	for sc.Scan() {
		line++
		bad := func(problem string) error { return &FormatError{line, problem} }
		if line == 1 {
			var h exportHeader
			if err := json.Unmarshal(sc.Bytes(), &h); err != nil || h.Format != exportFormat {
				return bad("want " + exportFormat + " as the format")
			}
			continue
		}
		var end exportEnd
		if json.Unmarshal(sc.Bytes(), &end) == nil && end.End {
			if end.Nodes != nodes {
				return bad(fmt.Sprintf("there should be %d nodes, and there are %d", end.Nodes, nodes))
			}
			return nothingFollows(sc, line)
		}
		n, err := decodeNode(sc.Bytes())
		if err != nil {
			return bad(err.Error())
		}
		if err := f(n); err != nil {
			return err
		}
		nodes++
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("read the export behind line %d: %w", line, err)
	}
	return &FormatError{line, "it ends too early"}
}

// nothingFollows reads what is behind the end of an export, where another export may not
// be: it would be left out without a word.
func nothingFollows(sc *bufio.Scanner, line int) error {
	for sc.Scan() {
		line++
		if len(bytes.TrimSpace(sc.Bytes())) > 0 {
			return &FormatError{line, "the export has ended, and something follows: import takes one at a time"}
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("read the export behind line %d: %w", line, err)
	}
	return nil
}

// decodeNode reads a line.
func decodeNode(line []byte) (*record, error) {
	var n exportNode
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil {
		return nil, err
	}
	if !wire.ValidPath(n.Path) {
		return nil, fmt.Errorf("%q is no path", n.Path)
	}
	if n.TTL < 0 || n.TTL > wire.MaxTTL || n.TTL > 0 && n.Container {
		return nil, fmt.Errorf("%s: want a ttl of 1 to %d ms, or a container", n.Path, wire.MaxTTL)
	}
	r := &record{path: n.Path, container: n.Container, ttl: time.Duration(n.TTL) * time.Millisecond}
	var err error
	switch {
	case n.Encoding == "null" && n.Data == nil:
	case n.Encoding == "utf-8" && n.Data != nil:
		r.data = []byte(*n.Data)
	case n.Encoding == "base64" && n.Data != nil:
		if r.data, err = base64.StdEncoding.DecodeString(*n.Data); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("data of %s: want encoding utf-8 or base64 and data, or null and none", n.Path)
	}
	r.acl, err = decodeACL(n.ACL)
	return r, err
}

func decodeACL(list []aclJSON) (acl []client.ACL, err error) {
	for _, a := range list {
		perms, err := parsePerms(a.Perms)
		if err != nil {
			return nil, err
		}
		acl = append(acl, client.ACL{Perms: perms, ID: client.ID{Scheme: a.Scheme, ID: a.ID}})
	}
	return acl, nil
}
