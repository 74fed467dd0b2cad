package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/internal/freeport"
)

// Env says what this machine has for the tests: where the Java and Python sides
// were installed and which binary is the subject. Build one per test process.
type Env struct {
	// Root is the top of the checkout.
	Root string
	// Classpath is what java takes as -cp.
	Classpath string
	// Classpath38 is that of the release line before.
	Classpath38 string
	// Python is the interpreter that has the pinned clients.
	Python string
	// CClient is the program of interop/c.
	CClient string
	// ZabraBinary is the built subject; "" when the subject is Apache too.
	ZabraBinary string
	// Required turns a missing piece from a skip into a failure.
	Required bool
	// Long asks for the long form of the tests that have one.
	Long bool

	missing error
	// missing38 is what only tests with Apache38 need.
	missing38 error
	missingC  error // what only CProgram needs
	tmp       string
	ports     freeport.Ports
}

// Find looks at the machine and the environment variables:
//
//	ZABRA_INTEROP=required     nothing may be skipped
//	ZABRA_INTEROP_SUBJECT      zabra (default) or apache: what is judged by the peer
//	ZABRA_INTEROP_LONG=1       the long form of the tests that have one
//	ZABRA_BINARY               a built zabra; without it ./cmd/zabra is built
//	ZABRA_INTEROP_LOGS         where a failing test leaves the logs of an ensemble's servers
//
// It never fails: what is missing is reported by Need, from the test that needs it.
func Find() *Env {
	e := &Env{
		Required: os.Getenv("ZABRA_INTEROP") == "required",
		Long:     os.Getenv("ZABRA_INTEROP_LONG") != "",
	}
	e.missing = e.find()
	return e
}

func (e *Env) find() error {
	root, err := checkoutRoot()
	if err != nil {
		return err
	}
	e.Root = root
	installed := filepath.Join(root, ".interop")
	lib := filepath.Join(installed, "java", "lib")
	e.Classpath = filepath.Join(installed, "java", "target", "classes") + ":" + filepath.Join(lib, "*")
	lib38 := filepath.Join(installed, "java38", "lib")
	e.Classpath38 = filepath.Join(installed, "java", "target", "classes") + ":" + filepath.Join(lib38, "*")
	if _, err := os.Stat(lib38); err != nil {
		e.missing38 = notInstalled(lib38)
	}
	e.Python = filepath.Join(installed, "venv", "bin", "python")
	e.CClient = filepath.Join(installed, "c", "c_client")
	if _, err := os.Stat(e.CClient); err != nil {
		e.missingC = notInstalled(e.CClient)
	}
	for _, p := range []string{lib, e.Python} {
		if _, err := os.Stat(p); err != nil {
			return notInstalled(p)
		}
	}
	if _, err := exec.LookPath("java"); err != nil {
		return errors.New("java is not on the PATH: it runs Apache ZooKeeper and the Java clients")
	}
	return e.findSubject()
}

func notInstalled(path string) error {
	return fmt.Errorf("the real clients are not installed (%s is missing): run \"make interop-install\"", path)
}

func (e *Env) findSubject() error {
	switch subject := os.Getenv("ZABRA_INTEROP_SUBJECT"); subject {
	case "apache":
		return nil
	case "", "zabra":
	default:
		return fmt.Errorf("ZABRA_INTEROP_SUBJECT=%s: use zabra or apache", subject)
	}
	if bin := os.Getenv("ZABRA_BINARY"); bin != "" {
		e.ZabraBinary = bin
		return nil
	}
	tmp, err := os.MkdirTemp("", "zabra-interop-")
	if err != nil {
		return err
	}
	e.tmp = tmp
	e.ZabraBinary = filepath.Join(tmp, "zabra")
	build := exec.Command("go", "build", "-o", e.ZabraBinary, "./cmd/zabra")
	build.Dir = e.Root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/zabra: %w\n%s", err, out)
	}
	return nil
}

// Close removes what Find built.
func (e *Env) Close() {
	if e.tmp != "" {
		os.RemoveAll(e.tmp)
	}
}

// Need skips t when something the interop tests need is missing, or fails it
// when ZABRA_INTEROP=required.
func (e *Env) Need(t testing.TB) {
	t.Helper()
	e.need(t, e.missing)
	if testing.Short() && !e.Required {
		t.Skip("interop: starts servers, not in -short")
	}
}

// NeedC is Need for the program of interop/c.
func (e *Env) NeedC(t testing.TB) {
	t.Helper()
	e.need(t, e.missingC)
}

func (e *Env) need(t testing.TB, missing error) {
	t.Helper()
	switch {
	case missing != nil && e.Required:
		t.Fatalf("interop: %v", missing)
	case missing != nil:
		t.Skipf("interop: %v", missing)
	}
}

// FreePort is a port that nobody listens on.
func (e *Env) FreePort(t testing.TB) int {
	t.Helper()
	port, err := e.ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Subject is the kind of server under test.
func (e *Env) Subject() Kind {
	if e.ZabraBinary == "" {
		return Apache
	}
	return Zabra
}

func checkoutRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: run inside a checkout")
		}
		dir = parent
	}
}
