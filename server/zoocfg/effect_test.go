package zoocfg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const module = "github.com/zabra/zabra"

// Every key that claims an effect must be read by the server: a key that is
// parsed and documented and then forgotten is a promise that is not kept.
func TestEveryEffectiveKeyIsRead(t *testing.T) {
	read := fieldsRead(t)
	cfg := defaults()
	for _, k := range keys.rows {
		if k.Effect != Effective || k.field == nil {
			continue
		}
		field := fieldAt(reflect.ValueOf(cfg).Elem(), reflect.ValueOf(k.field(cfg)).Pointer())
		if field == "" {
			t.Errorf("%s: its value is kept nowhere in Config", k.Name)
		} else if !read[field] {
			t.Errorf("%s: nothing outside this package reads %s: give it its effect, or make it Fixed or Ineffective", k.Name, field)
		}
	}
	if !read["Auth.Providers"] {
		t.Error("authProvider.X: nothing reads Auth.Providers")
	}
}

// The check above must be able to fail: a field that only an ensemble will need
// is not read yet, and one that every server needs is.
func TestFieldsReadTellsThemApart(t *testing.T) {
	read := fieldsRead(t)
	if !read["Config.TickTime"] || !read["Config.ClientPortAddress"] {
		t.Error("TickTime and ClientPortAddress count as unread")
	}
	if read["Ensemble.OraclePath"] {
		t.Error("OraclePath counts as read; if it is now, name another field here")
	}
}

// fieldAt names the field of the configuration at an address, as Type.Field.
func fieldAt(v reflect.Value, addr uintptr) string {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Struct {
			if name := fieldAt(f, addr); name != "" {
				return name
			}
			continue
		}
		if f.Addr().Pointer() == addr {
			return v.Type().Name() + "." + v.Type().Field(i).Name
		}
	}
	return ""
}

// fieldsRead returns the fields of this package's types that the other packages
// read, themselves or by a method of such a type, as Type.Field.
func fieldsRead(t *testing.T) map[string]bool {
	t.Helper()
	pkgs := listPackages(t)
	reads, methods := map[string]bool{}, map[string]bool{}
	for _, p := range pkgs {
		if p.Module != nil && p.Module.Path == module && p.ImportPath != module+"/server/zoocfg" {
			p.check(t, pkgs).uses(reads, methods)
		}
	}
	own := pkgs[module+"/server/zoocfg"].check(t, pkgs)
	for grown := true; grown; {
		before := len(methods)
		for name := range maps.Clone(methods) {
			own.within(name).uses(reads, methods)
		}
		grown = len(methods) > before
	}
	return reads
}

type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
	Module                  *struct{ Path string }
}

func listPackages(t *testing.T) map[string]*listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports,Module", "./server/...", "./cmd/...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string]*listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}

// A checked is type-checked syntax.
type checked struct {
	info  *types.Info
	nodes []ast.Node
}

// check type-checks the package from its files, and its imports from what the
// compiler left. A package that does not know Config is skipped.
func (p *listed) check(t *testing.T, pkgs map[string]*listed) checked {
	t.Helper()
	c := checked{info: &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}, Uses: map[*ast.Ident]types.Object{}}}
	if p.ImportPath != module+"/server/zoocfg" && !strings.Contains(strings.Join(p.Imports, " "), module+"/server/zoocfg") {
		return c
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files, c.nodes = append(files, f), append(c.nodes, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		dep, ok := pkgs[path]
		if !ok {
			return nil, fmt.Errorf("%s is not listed", path)
		}
		return os.Open(dep.Export)
	})}
	if _, err := conf.Check(p.ImportPath, fset, files, c.info); err != nil {
		t.Fatal(err)
	}
	return c
}

// within is the part of c that is the body of a method, Type.Method.
func (c checked) within(method string) checked {
	part := checked{info: c.info}
	for _, n := range c.nodes {
		for _, decl := range n.(*ast.File).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv != nil && receiver(f)+"."+f.Name.Name == method {
				part.nodes = append(part.nodes, f.Body)
			}
		}
	}
	return part
}

func receiver(f *ast.FuncDecl) string {
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return typ.(*ast.Ident).Name
}

// uses adds the fields that are read, not assigned, and the methods that are
// called. Validate does not count: it reads everything and obeys nothing.
func (c checked) uses(fields, methods map[string]bool) {
	for _, n := range c.nodes {
		assigned := map[ast.Expr]bool{}
		ast.Inspect(n, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, to := range a.Lhs {
					assigned[to] = true
				}
			}
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || assigned[sel] {
				return true
			}
			if s := c.info.Selections[sel]; s != nil && s.Obj().Pkg() != nil && s.Obj().Pkg().Path() == module+"/server/zoocfg" {
				name := typeName(s.Recv()) + "." + s.Obj().Name()
				if s.Kind() == types.FieldVal {
					fields[name] = true
				} else if s.Obj().Name() != "Validate" {
					methods[name] = true
				}
			}
			return true
		})
	}
}

func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return t.String()
}
