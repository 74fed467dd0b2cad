package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// DataDir is the server's dataDir, which is its dataLogDir too.
func (s *Server) DataDir() string { return filepath.Join(s.Dir, "data") }

// Import makes a Zabra server of an Apache one that is not running, in its own
// directory. It returns what zabra import prints.
func (s *Server) Import(t testing.TB) string {
	t.Helper()
	s.Kind = Zabra
	return s.move(t, "import")
}

// Export makes an Apache server of a Zabra one that is not running, in its own
// directory, and puts away what Apache ZooKeeper had there before.
func (s *Server) Export(t testing.TB) string {
	t.Helper()
	s.Kind = Apache
	before := filepath.Join(s.DataDir(), "version-2")
	if err := os.RemoveAll(before); err != nil {
		t.Fatal(err)
	}
	return s.move(t, "export")
}

func (s *Server) move(t testing.TB, command string) string {
	t.Helper()
	out, err := exec.Command(s.env.ZabraBinary, command, "--from", s.DataDir(), "--to", s.DataDir(), "--json").CombinedOutput()
	if err != nil {
		t.Fatalf("zabra %s: %v\n%s", command, err, out)
	}
	return string(out)
}

// ForgetImported removes what a Zabra server has in its directory.
func (s *Server) ForgetImported() error {
	for _, name := range []string{"zabra-store", "zabra-log", "zabra-member", "acceptedEpoch", "currentEpoch"} {
		if err := os.RemoveAll(filepath.Join(s.DataDir(), name)); err != nil {
			return err
		}
	}
	return nil
}
