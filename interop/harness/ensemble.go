package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Member says what one server of an ensemble is.
type Member struct {
	Kind     Kind
	Observer bool
}

// Members reads one letter for each server, in the order of their ids: a is
// Apache, o (old) is Apache of the release line before, z is Zabra, a capital is an
// observer.
func Members(letters string) (members []Member) {
	for _, l := range letters {
		m := Member{Kind: Apache, Observer: l < 'a'}
		switch l {
		case 'o', 'O':
			m.Kind = Apache38
		case 'z', 'Z':
			m.Kind = Zabra
		}
		members = append(members, m)
	}
	return members
}

// An Ensemble is several servers with one configuration. Its methods are for one
// goroutine.
type Ensemble struct {
	// Servers are in the order of their ids, which begin at 1.
	Servers []*Server

	env *Env
}

// ensembleDefaults leave a loaded machine time, and still let sessions of two
// seconds expire.
func ensembleDefaults() Config {
	return Config{"tickTime": "500", "initLimit": "60", "syncLimit": "30", "snapshotSizeFactor": "-1"}
}

// StartEnsemble runs the servers, and returns when all of them serve. The last voter
// leads. Like Start it leaves nothing behind.
func (e *Env) StartEnsemble(t testing.TB, members []Member, c Config) *Ensemble {
	t.Helper()
	n := &Ensemble{env: e}
	for i, m := range members {
		if m.Kind == Apache38 {
			e.need(t, e.missing38)
		}
		s := &Server{Kind: e.judged(m.Kind), ID: i + 1, Dir: t.TempDir(), env: e}
		t.Cleanup(func() {
			s.Kill()
			if t.Failed() {
				t.Logf("server %d (%s): end of its log:\n%s", s.ID, s.Kind, s.logTail())
				s.keepLog(t.Name())
			}
		})
		n.Servers = append(n.Servers, s)
	}
	var err error
	for range startTries {
		if err = n.bindAndStart(members, c); err == nil {
			return n
		}
		n.KillAll()
	}
	t.Fatalf("the ensemble does not start: %v", err)
	return nil
}

// judged is Apache in Zabra's place where the tests judge Apache by itself.
func (e *Env) judged(k Kind) Kind {
	if k == Zabra {
		return e.Subject()
	}
	return k
}

// A Role is a server's part in an ensemble, as Mode calls it.
type Role string

// The roles.
const (
	Leads    Role = "leader"
	Follows  Role = "follower"
	Observes Role = "observer"
)

// StartMember runs three servers of the kind, and returns one in that role. With c and
// beside it, it is configured like a server that stands alone.
func (e *Env) StartMember(t testing.TB, kind Kind, role Role, c Config) *Server {
	t.Helper()
	own := Config{"tickTime": defaults()["tickTime"]}
	maps.Copy(own, c)
	n := e.StartEnsemble(t, []Member{{Kind: kind}, {Kind: kind}, {Kind: kind, Observer: role == Observes}}, own)
	leader := n.Leader(t)
	switch role {
	case Leads:
		return leader
	case Observes:
		return n.Servers[2]
	}
	return n.Others(leader)[0]
}

func (n *Ensemble) bindAndStart(members []Member, c Config) error {
	shared := c.merged()
	for k, v := range ensembleDefaults() {
		if _, own := c[k]; !own {
			shared[k] = v
		}
	}
	for i, m := range members {
		quorum, err := n.env.ports.Free()
		if err != nil {
			return err
		}
		election, err := n.env.ports.Free()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s:%d:%d", hostOf(i, c), quorum, election)
		if m.Observer {
			line += ":observer"
		}
		shared[fmt.Sprintf("server.%d", i+1)] = line
	}
	for i, s := range n.Servers {
		s.config = shared.merged()
		if members[i].Observer {
			s.config["peerType"] = "observer"
		}
		if err := s.bind(); err != nil {
			return err
		}
		if err := s.Wipe(); err != nil {
			return err
		}
	}
	return n.startAll()
}

// hostOf is a server's address on loopback. Servers with a port for observers have it at
// different ones: the number is the same for all.
func hostOf(i int, c Config) string {
	if c["observerMasterPort"] == "" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.0.0.%d", i+1)
}

// startAll starts the server with the largest id first.
func (n *Ensemble) startAll() error {
	for _, s := range slices.Backward(n.Servers) {
		if err := s.Launch(); err != nil {
			return err
		}
		if err := s.waitListening(s.electionAddr()); err != nil {
			return err
		}
	}
	if err := n.waitServing(n.Servers); err != nil {
		return err
	}
	return n.elect(n.lastVoter())
}

func (n *Ensemble) lastVoter() (last *Server) {
	for _, s := range n.Servers {
		if !s.Observer() {
			last = s
		}
	}
	return last
}

// elect makes the voter with the largest id lead, before anything is written: of equal
// histories that of the largest id is chosen. At the start two others may have elected
// one of themselves, on a busy machine, before its vote had arrived. Who leads instead
// is ended until it leads, and comes back as a follower.
func (n *Ensemble) elect(wanted *Server) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(pollPause) {
		leads := n.leading()
		if leads == wanted {
			return n.waitServing(n.Servers)
		}
		if leads == nil {
			continue
		}
		leads.Kill()
		if err := n.waitLeading(); err != nil {
			return err
		}
		if err := leads.launch(); err != nil {
			return err
		}
	}
	return fmt.Errorf("server %d (%s) does not come to lead within %v", wanted.ID, wanted.Kind, startTimeout)
}

// leading is the running server that leads, nil if none does.
func (n *Ensemble) leading() *Server {
	for _, s := range n.Running() {
		if s.Mode() == string(Leads) {
			return s
		}
	}
	return nil
}

func (n *Ensemble) waitLeading() error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(pollPause) {
		if n.leading() != nil {
			return nil
		}
	}
	return fmt.Errorf("no server leads for %v", startTimeout)
}

func (n *Ensemble) waitServing(servers []*Server) error {
	for _, s := range servers {
		if err := s.waitServing(); err != nil {
			return fmt.Errorf("server %d (%s): %w", s.ID, s.Kind, err)
		}
	}
	return nil
}

// Await returns when a server that is running leads, and all of them serve. Just
// after the death of a leader the others may not know of it yet.
func (n *Ensemble) Await(t testing.TB) {
	t.Helper()
	n.Leader(t)
	if err := n.waitServing(n.Running()); err != nil {
		t.Fatal(err)
	}
}

// Running are the servers that have been started and not ended.
func (n *Ensemble) Running() (list []*Server) {
	for _, s := range n.Servers {
		if s.proc != nil {
			list = append(list, s)
		}
	}
	return list
}

// KillAll ends all servers with SIGKILL.
func (n *Ensemble) KillAll() {
	for _, s := range n.Servers {
		s.Kill()
	}
}

// Leader is the running server that leads. It waits until there is one.
func (n *Ensemble) Leader(t testing.TB) *Server {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(pollPause) {
		if s := n.leading(); s != nil {
			return s
		}
	}
	t.Fatalf("no server leads for %v", startTimeout)
	return nil
}

// Others are all running servers but one.
func (n *Ensemble) Others(but *Server) []*Server {
	return slices.DeleteFunc(n.Running(), func(s *Server) bool { return s == but })
}

// Addrs are the client ports of all servers, as a connect string.
func (n *Ensemble) Addrs() string {
	var addrs []string
	for _, s := range n.Servers {
		addrs = append(addrs, s.Addr)
	}
	return strings.Join(addrs, ",")
}

// AwaitLevel returns when all running servers have applied the same transactions,
// and that for a moment.
func (n *Ensemble) AwaitLevel(t testing.TB) {
	t.Helper()
	var zxids, last []string
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(5 * pollPause) {
		zxids = zxids[:0]
		for _, s := range n.Running() {
			zxids = append(zxids, s.srvr("Zxid", pollTimeout))
		}
		if zxids[0] != "" && len(slices.Compact(slices.Clone(zxids))) == 1 && slices.Equal(zxids, last) {
			return
		}
		last = slices.Clone(zxids)
	}
	t.Fatalf("the servers' zxids stay different: %v", zxids)
}

// Mode is what srvr says a server is: leader, follower, observer or standalone; ""
// when it does not serve.
func (s *Server) Mode() string { return s.srvr("Mode", pollTimeout) }

// Zxid is the last one that srvr says the server has applied, 0 when it does not serve.
// It may take as long as any word.
func (s *Server) Zxid() int64 {
	z, _ := strconv.ParseInt(strings.TrimPrefix(s.srvr("Zxid", wordTimeout), "0x"), 16, 64)
	return z
}

func (s *Server) srvr(field string, timeout time.Duration) string {
	out, err := s.word("srvr", timeout)
	if err != nil {
		return ""
	}
	return fieldOf(out, field+": ")
}

func fieldOf(out, prefix string) string {
	for line := range strings.Lines(out) {
		if v, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Value is what mntr says under a name, "" if it does not.
func (s *Server) Value(name string) string {
	out, err := s.word("mntr", wordTimeout)
	if err != nil {
		return ""
	}
	return fieldOf(out, "zk_"+name+"\t")
}

// DigestMismatches is how many transactions have left the server with another
// digest than the leader's; ok is false for a server that does not count.
func (s *Server) DigestMismatches() (n string, ok bool) {
	out, err := s.word("mntr", wordTimeout)
	if err != nil {
		return err.Error(), true
	}
	n = fieldOf(out, "zk_digest_mismatches_count\t")
	return n, n != ""
}

// Wipe empties the data directory of a server that is not running, but for myid.
func (s *Server) Wipe() error {
	data := s.config["dataDir"]
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "myid"), fmt.Appendln(nil, s.ID), 0o644)
}

// Logged reports whether the server's log holds any of the texts since the mark.
func (s *Server) Logged(mark int, texts ...string) bool {
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return false
	}
	b = b[min(mark, len(b)):]
	return slices.ContainsFunc(texts, func(x string) bool { return bytes.Contains(b, []byte(x)) })
}

// Holds reports whether the text is in any file of the server's data directory.
func (s *Server) Holds(text string) (found bool) {
	_ = filepath.WalkDir(s.config["dataDir"], func(path string, e fs.DirEntry, err error) error {
		if err != nil || found || !e.Type().IsRegular() {
			return nil // a file may go meanwhile
		}
		b, _ := os.ReadFile(path)
		found = bytes.Contains(b, []byte(text))
		return nil
	})
	return found
}

// LogMark is where the server's log ends now.
func (s *Server) LogMark() int {
	info, err := os.Stat(s.logFile())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

func (s *Server) electionAddr() string {
	line := s.config[fmt.Sprintf("server.%d", s.ID)]
	parts := strings.Split(line, ":")
	return parts[0] + ":" + parts[2]
}

// keepLog copies the log to the directory of ZABRA_INTEROP_LOGS, if there is one.
func (s *Server) keepLog(test string) {
	dir := os.Getenv("ZABRA_INTEROP_LOGS")
	if dir == "" {
		return
	}
	if b, err := os.ReadFile(s.logFile()); err == nil {
		name := fmt.Sprintf("%s-%d-%s.log", strings.ReplaceAll(test, "/", "-"), s.ID, s.Kind)
		_ = os.WriteFile(filepath.Join(dir, name), b, 0o644)
	}
}

// Observer reports whether the server has no vote.
func (s *Server) Observer() bool { return s.config["peerType"] == "observer" }

// Voters is how many servers of the ensemble vote.
func (s *Server) Voters() (n int) {
	for k, v := range s.config {
		if strings.HasPrefix(k, "server.") && !strings.HasSuffix(v, ":observer") {
			n++
		}
	}
	return n
}
