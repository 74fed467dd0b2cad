package server_test

import (
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// quorumAddr is where a server listens when it leads.
func (s *site) quorumAddr(id int) string {
	s.t.Helper()
	m := regexp.MustCompile(`server\.` + string(rune('0'+id)) + `=([^:]+:\d+):`).FindStringSubmatch(s.config)
	if m == nil {
		s.t.Fatalf("no server %d in\n%s", id, s.config)
	}
	return m[1]
}

// steal takes a port, and hangs up on whoever connects.
func steal(t *testing.T, addr string) net.Listener {
	t.Helper()
	thief, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { thief.Close() })
	go func() {
		for {
			nc, err := thief.Accept()
			if err != nil {
				return
			}
			nc.Close()
		}
	}()
	return thief
}

// A follower whose quorum port somebody else has got is elected, cannot lead, and lets
// another one lead. When it has its port again it can.
func TestWhoCannotBindTheQuorumPortDoesNotLead(t *testing.T) {
	sites := startEnsemble(t, 3)
	leader, id, others := lead(t, sites)
	// The candidate with the larger number wins if they have the same.
	unfit, rest := others[1], others[0]
	unfitID := 3
	if id == 3 {
		unfitID = 2
	}
	rest.client().create("/n", "x", wire.ModePersistent)
	agree(t, sites, "/n", "x")
	thief := steal(t, unfit.quorumAddr(unfitID))
	leader.halt()
	allServe(others)
	if got := unfit.log.String(); !strings.Contains(got, "this server cannot lead, and votes for others only") || !strings.Contains(got, "quorum port") {
		t.Errorf("its log does not say why it does not lead")
	}
	rest.client().create("/m", "y", wire.ModePersistent)

	// Nobody else is there to lead.
	rest.halt()
	leader.launch()
	leader.eventually("it to look for another leader once more", func() bool {
		return strings.Count(unfit.log.String(), "this server cannot lead, and votes for others only") > 1
	})
	thief.Close()
	allServe([]*site{leader, unfit})
	agree(t, []*site{leader, unfit}, "/m", "y")
}

// A voter that could not lead says so when it is started, and not when it is elected.
func TestTheQuorumPortIsTriedAtTheStart(t *testing.T) {
	sites := startEnsemble(t, 3)
	_, id, others := lead(t, sites)
	s, number := others[0], 1
	if id == 1 {
		number = 2
	}
	s.halt()
	thief := steal(t, s.quorumAddr(number))
	if err := os.WriteFile(s.file(), []byte(s.config+"electionPortBindRetry=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: s.file()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(cfg, osfs.FS{}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "server: quorum port: ") {
		t.Errorf("it starts with %v", err)
	}
	thief.Close()
	s.written = ""
	s.launch()
	allServe(sites)
}
