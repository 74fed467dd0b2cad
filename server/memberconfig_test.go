package server_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

// leadsTo returns the version of the membership that the server's zoo.cfg leads to, and
// the file that holds it.
func (s *site) leadsTo() (version int64, file string) {
	s.t.Helper()
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: s.file()})
	if err != nil {
		s.t.Fatal(err)
	}
	return int64(cfg.Ensemble.Version), cfg.Ensemble.DynamicFile
}

// filesAgree waits until the zoo.cfg of all servers lead to the same membership, which
// is also that of /zookeeper/config, and until nothing is proposed.
func filesAgree(t *testing.T, sites []*site, members int) (version int64) {
	t.Helper()
	for i, s := range sites {
		s.eventually(fmt.Sprintf("the files of server %d to agree with the tree", i+1), func() bool {
			tree, served := s.tries("/zookeeper/config")
			if !served {
				return false
			}
			var file string
			version, file = s.leadsTo()
			if version == 0 || !strings.HasSuffix(tree, fmt.Sprintf("version=%x", version)) {
				return false
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			for _, line := range lines {
				if !strings.Contains(tree, line+"\n") {
					t.Fatalf("server %d: %s holds %q, and the tree %q", i+1, file, line, tree)
				}
			}
			_, err = os.Stat(zoocfg.NextName(s.file()))
			return len(lines) == members && err != nil
		})
	}
	return version
}

// The files of all servers follow the ensemble, from its first version on; servers
// start from them; and a server whose zoo.cfg is from before knows better.
func TestReconfigurationsAreWrittenIntoFiles(t *testing.T) {
	sites := startEnsemble(t, 3, "reconfigEnabled=true", "skipACL=yes")
	first := filesAgree(t, sites, 3)
	backup, err := os.ReadFile(sites[0].file() + ".bak")
	if err != nil || string(backup) != sites[0].config {
		t.Errorf("backup: %v, %q", err, backup)
	}
	if info, err := os.Stat(sites[0].file()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("zoo.cfg has the mode %v, %v", info.Mode(), err)
	}
	old, err := os.ReadFile(sites[0].file())
	if err != nil {
		t.Fatal(err)
	}

	sites[2].halt()
	allServe(sites[:2])
	third := ""
	for line := range strings.Lines(sites[0].members("server.1=", "server.2=", "server.3=")) {
		if strings.HasPrefix(line, "server.3=") {
			third = strings.TrimSpace(line)
		}
	}
	if err := sites[1].client().reconfigure(wire.NullString, "3"); err != nil {
		t.Fatal(err)
	}
	if second := filesAgree(t, sites[:2], 2); second <= first {
		t.Errorf("version %x after %x", second, first)
	}
	if err := sites[1].client().reconfigure(third+";127.0.0.1:1", wire.NullString); err != nil {
		t.Fatal(err)
	}
	last := filesAgree(t, sites[:2], 3)

	// All start again: one from a zoo.cfg of before, one that has missed it all.
	sites[0].halt()
	sites[1].halt()
	if err := os.WriteFile(sites[0].file(), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if v, _ := sites[0].leadsTo(); v != first {
		t.Fatalf("the old file leads to %x", v)
	}
	for _, s := range sites[:2] {
		s.launch()
	}
	for _, s := range sites[:2] {
		s.eventually("it to serve again", s.serves)
	}
	if v := filesAgree(t, sites[:2], 3); v != last {
		t.Errorf("version %x instead of %x", v, last)
	}
}

// A server whose files are newer than its data believes the files, and so does one that
// hears of them in an election: it then has them in files of its own.
func TestFilesNewerThanTheData(t *testing.T) {
	sites := startEnsemble(t, 3, "reconfigEnabled=true", "skipACL=yes")
	v := filesAgree(t, sites, 3)
	for _, s := range sites {
		s.halt()
	}
	_, file := sites[0].leadsTo()
	newer := zoocfg.DynamicName(sites[0].file(), v+1)
	for from, to := range map[string]string{file: newer, sites[0].file(): sites[0].file()} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(demoted(strings.ReplaceAll(string(text), file, newer))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sites[:2] {
		s.launch()
	}
	for _, s := range sites[:2] {
		s.members("server.1=", "server.2=", "server.3=")
	}
	if at := filesAgree(t, sites[:2], 3); at != v+1 {
		t.Errorf("the files lead to %x instead of %x", at, v+1)
	}
}

// demoted makes server 3 an observer.
func demoted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "server.3=") {
			lines[i] = strings.Replace(l, ":participant", ":observer", 1)
		}
	}
	return strings.Join(lines, "")
}

// A server whose line moves its ports listens there at once, and takes part.
func TestPortsMove(t *testing.T) {
	sites := startEnsemble(t, 3, "reconfigEnabled=true", "skipACL=yes")
	filesAgree(t, sites, 3)
	to := freePorts(t, 2)
	moved := fmt.Sprintf("server.1=127.0.0.1:%d:%d:participant;%s", to[0], to[1], sites[0].addr())
	if err := sites[1].client().reconfigure(moved, wire.NullString); err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		s.members(moved, "server.2=", "server.3=")
	}
	sites[0].eventually("the new election port", func() bool {
		nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to[1]))
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	// Without server 3, servers 1 and 2 have to reach each other there.
	sites[2].halt()
	for _, s := range sites[:2] {
		s.eventually("it to serve", s.serves)
	}
	sites[0].client().create("/moved", "x", wire.ModePersistent)
	agree(t, sites[:2], "/moved", "x")
}
