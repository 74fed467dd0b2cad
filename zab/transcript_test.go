package zab

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A transcript is one machine, with the test in the place of its peers and its disk.
//
//	leader id=3 voters=3 observers=1 log=1.1-1.5 base=0.0 applied=1.5 accepted=1 current=1 [reconfig] [counter=9]
//	learner id=1 leader=3 ... [observer] [force] [untrusted]
//	connect 1                                disconnect 1
//	recv [1] PACKET 1.5 [sid=1] [epoch=1] [leader=2] [op=create] [payload=a] [null] [config] [touch=7]
//	persisted [2]      all writes so far, or those up to a Ready
//	propose 2.1        tick 5        read 1        sync 1        lost 2        backlog 1 100
//	reconfig 2.3 1,2   the voters from then on
//	snapshotread       mismatch 1.5          touch 7           forward sync 9    revalidate 7
//
// A zxid is written as epoch.counter. The connection of a learner to its leader is not
// named; those of its observers are, in recv as @1.
type transcript struct {
	t       *testing.T
	disk    disk
	config  quorum.Config
	leader  *Leader
	learner *Learner
	ready   uint64
	out     strings.Builder
}

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s := &transcript{t: t}
			datadriven.RunTest(t, path, s.do)
		})
	}
}

func (s *transcript) do(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	s.out.Reset()
	switch d.Cmd {
	case "do":
	case "grid":
		return s.grid(d.Input)
	default:
		t.Fatalf("%s: unknown command", d.Cmd)
	}
	for _, line := range strings.Split(d.Input, "\n") {
		s.run(strings.Fields(line))
		s.drain()
	}
	return s.out.String()
}

// args are the words of a line: key=value, or words alone.
type args struct {
	words []string
	named map[string]string
}

func parseArgs(fields []string) args {
	a := args{named: map[string]string{}}
	for _, f := range fields {
		if k, v, ok := strings.Cut(f, "="); ok {
			a.named[k] = v
		} else {
			a.words = append(a.words, f)
		}
	}
	return a
}

func (a args) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			return true
		}
	}
	return false
}

func (a args) num(key string, otherwise int) int {
	n, err := strconv.Atoi(a.named[key])
	if err != nil {
		return otherwise
	}
	return n
}

func parseZxid(s string) wire.Zxid {
	e, c, _ := strings.Cut(s, ".")
	epoch, _ := strconv.Atoi(e)
	counter, _ := strconv.ParseUint(c, 10, 32)
	if s == "-1" {
		return wire.NoZxid
	}
	return wire.MakeZxid(wire.Epoch(epoch), uint32(counter))
}

func short(z wire.Zxid) string {
	if z < 0 {
		return "-1"
	}
	return fmt.Sprintf("%d.%d", z.Epoch(), z.Counter())
}

func configText(voters []wire.SID, all int, version int64) quorum.Config {
	var text strings.Builder
	for i := 1; i <= all; i++ {
		role := quorum.Observer
		for _, v := range voters {
			if v == wire.SID(i) {
				role = quorum.Participant
			}
		}
		fmt.Fprintf(&text, "server.%d=h%d:2888:3888:%s\n", i, i, role)
	}
	fmt.Fprintf(&text, "version=%x", version)
	c, err := quorum.Parse([]byte(text.String()))
	if err != nil {
		panic(err)
	}
	return c
}

func (s *transcript) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// start reads what leader and learner have in common.
func (s *transcript) start(a args) (State, quorum.Active) {
	var voters []wire.SID
	for i := range a.num("voters", 3) {
		voters = append(voters, wire.SID(i+1))
	}
	s.config = configText(voters, len(voters)+a.num("observers", 0), int64(a.num("version", 0)))
	s.disk = disk{base: parseZxid(a.named["base"])}
	for _, part := range strings.Split(a.named["log"], ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		for z := parseZxid(from); part != "" && z <= parseZxid(to); z++ {
			s.disk.log = append(s.disk.log, txn(z, "logged"))
		}
	}
	state := State{AcceptedEpoch: wire.Epoch(a.num("accepted", 0)), CurrentEpoch: wire.Epoch(a.num("current", 0)),
		Last: s.disk.last(), Applied: s.disk.last(), ForceSnapshot: a.has("force"), Untrusted: a.has("untrusted")}
	if v, ok := a.named["applied"]; ok {
		state.Applied = parseZxid(v)
	}
	s.leader, s.learner = nil, nil
	return state, quorum.Active{Committed: s.config}
}

func (s *transcript) run(fields []string) {
	if len(fields) == 0 || fields[0][0] == '#' {
		return
	}
	a := parseArgs(fields[1:])
	switch fields[0] {
	case "leader":
		state, active := s.start(a)
		l, err := NewLeader(LeaderConfig{ID: wire.SID(a.num("id", 3)), State: state, Log: &s.disk, Active: active, Reconfig: a.has("reconfig"),
			InitLimit: 10, SyncLimit: 5, LastCounter: uint32(a.num("counter", 0)), MaxBacklog: 1000,
			Throttle:       Throttle{Snaps: a.num("snaps", 0), Diffs: a.num("diffs", 0)},
			PreferSnapshot: preferSnapshot(a)})
		if err != nil {
			s.printf("error: %v", err)
		}
		s.leader = l
	case "learner":
		state, active := s.start(a)
		s.learner = NewLearner(LearnerConfig{ID: wire.SID(a.num("id", 1)), Leader: wire.SID(a.num("leader", 3)), Observer: a.has("observer"),
			State: state, Log: &s.disk, Active: active, InitLimit: 10, SyncLimit: 5, MaxBuffer: a.num("buffer", 0),
			MaxBacklog: 1000, Throttle: Throttle{Snaps: a.num("snaps", 0), Diffs: a.num("diffs", 0)}})
	case "recv":
		s.recv(a)
	case "persisted":
		s.persisted(a)
	default:
		if s.leader != nil {
			s.leaderDoes(fields[0], a)
		} else {
			s.learnerDoes(fields[0], a)
		}
	}
}

func (s *transcript) persisted(a args) {
	id := s.ready
	if len(a.words) > 0 {
		id, _ = strconv.ParseUint(a.words[0], 10, 64)
	}
	if s.leader != nil {
		s.leader.Persisted(id)
	} else {
		s.learner.Persisted(id)
	}
}

func (s *transcript) leaderDoes(cmd string, a args) {
	var n uint64
	if len(a.words) > 0 {
		n, _ = strconv.ParseUint(a.words[0], 10, 64)
	}
	var err error
	switch cmd {
	case "connect":
		s.leader.Connected(Conn(n))
	case "disconnect":
		s.leader.Disconnected(Conn(n))
	case "propose":
		err = s.leader.Propose(txn(parseZxid(a.words[0]), "new"))
	case "reconfig":
		z := parseZxid(a.words[0])
		var voters []wire.SID
		for _, v := range strings.Split(a.words[1], ",") {
			id, _ := strconv.Atoi(v)
			voters = append(voters, wire.SID(id))
		}
		err = s.leader.Propose(reconfigTxn(z, configText(voters, len(s.config.Servers), int64(z))))
	case "read":
		s.leader.Read(n)
	case "sync":
		s.leader.Sync(n)
	case "resign":
		s.leader.Resign(ErrNoElectors)
	case "backlog":
		bytes, _ := strconv.ParseInt(a.words[1], 10, 64)
		s.leader.Backlog(Conn(n), bytes)
	case "tick":
		for range n {
			s.leader.Tick()
		}
	case "revalidated":
		s.leader.Revalidated(Conn(n), 7, true)
	default:
		s.t.Fatalf("unknown command %s", cmd)
	}
	if err != nil {
		s.printf("error: %v", err)
	}
}

func (s *transcript) learnerDoes(cmd string, a args) {
	var n int
	if len(a.words) > 0 {
		n, _ = strconv.Atoi(a.words[0])
	}
	switch cmd {
	case "connect":
		s.learner.Master().Connected(Conn(n))
	case "disconnect":
		s.learner.Master().Disconnected(Conn(n))
	case "backlog":
		bytes, _ := strconv.ParseInt(a.words[1], 10, 64)
		s.learner.Master().Backlog(Conn(n), bytes)
	case "progress":
		s.learner.Master().Progress(Conn(n))
	case "snapshotread":
		s.learner.SnapshotRead()
	case "mismatch":
		s.learner.Mismatch(parseZxid(a.words[0]))
	case "touch":
		s.learner.Touch(wire.SessionID(n), 4000)
	case "tick":
		for range n {
			s.learner.Tick()
		}
	case "forward":
		op := wire.OpCreate
		if a.has("sync") {
			op = wire.OpSync
		}
		ok := s.learner.Forward(wire.ForwardedRequest{Session: wire.SessionID(a.num("session", 7)), Cxid: 1, Op: op}, []wire.ID{{Scheme: "ip", ID: "::1"}}, uint64(a.num("id", 0)))
		if !ok {
			s.printf("not forwarded")
		}
	case "revalidate":
		s.learner.Revalidate(wire.SessionID(n), 4000)
	default:
		s.t.Fatalf("unknown command %s", cmd)
	}
}

// recv makes a packet and gives it to the machine.
func (s *transcript) recv(a args) {
	var conn Conn
	if s.leader != nil || a.words[0][0] == '@' {
		n, _ := strconv.Atoi(strings.TrimPrefix(a.words[0], "@"))
		conn, a.words = Conn(n), a.words[1:]
	}
	pkt := wire.QuorumPacket{Zxid: parseZxid(a.words[1])}
	for i := wire.PacketType(1); i <= wire.PacketInformAndActivate; i++ {
		if i.String() == a.words[0] {
			pkt.Type = i
		}
	}
	if pkt.Type == 0 {
		pkt.Type = 77
	}
	pkt.Data = s.data(conn, pkt, a)
	if a.has("null") {
		pkt.Data = nil
	}
	switch {
	case s.leader != nil:
		s.leader.Receive(conn, &pkt)
	case conn != 0:
		s.learner.Master().Receive(conn, &pkt)
	default:
		s.learner.Receive(&pkt)
	}
}

func (s *transcript) data(conn Conn, pkt wire.QuorumPacket, a args) []byte {
	payload := "new"
	if p, ok := a.named["payload"]; ok {
		payload = p
	}
	raw := txn(pkt.Zxid, payload).Raw
	if v, ok := a.named["voters"]; ok {
		var voters []wire.SID
		for _, id := range strings.Split(v, ",") {
			n, _ := strconv.Atoi(id)
			voters = append(voters, wire.SID(n))
		}
		next := configText(voters, len(s.config.Servers), int64(pkt.Zxid))
		if pkt.Type == wire.PacketNewLeader {
			next.Version = int64(parseZxid(a.named["version"]))
			return next.Text()
		}
		raw = reconfigTxn(pkt.Zxid, next).Raw
	}
	switch pkt.Type {
	case wire.PacketFollowerInfo, wire.PacketObserverInfo:
		info := wire.LearnerInfo{SID: wire.SID(a.num("sid", 1)), Protocol: wire.ProtocolVersion, ConfigVersion: int64(a.num("version", 0))}
		return info.AppendTo(nil)
	case wire.PacketAckEpoch:
		return wire.AppendPacketInt(nil, int32(a.num("epoch", 0)))
	case wire.PacketLeaderInfo:
		return wire.AppendPacketInt(nil, int32(a.num("protocol", int(wire.ProtocolVersion))))
	case wire.PacketProposal, wire.PacketInform:
		return raw
	case wire.PacketCommitAndActivate:
		act := wire.Activation{Leader: wire.SID(a.num("leader", 3))}
		return act.AppendTo(nil)
	case wire.PacketInformAndActivate:
		act := wire.Activation{Leader: wire.SID(a.num("leader", 3)), Raw: raw}
		return act.AppendTo(nil)
	case wire.PacketNewLeader:
		return s.config.Text()
	case wire.PacketPing:
		if conn == 0 {
			return nil
		}
		var touches []wire.Touch
		if n := a.num("touch", 0); n > 0 {
			touches = append(touches, wire.Touch{Session: wire.SessionID(n), Timeout: 4000})
		}
		return wire.AppendTouches(nil, touches)
	case wire.PacketRequest:
		op := wire.OpCreate
		if a.has("sync") {
			op = wire.OpSync
		}
		if a.has("session") {
			op = wire.OpCreateSession
		}
		r := wire.ForwardedRequest{Session: wire.SessionID(a.num("session", 7)), Cxid: 1, Op: op, Body: []byte("body")}
		return r.AppendTo(nil)
	case wire.PacketRevalidate:
		if conn == 0 {
			r := wire.Revalidated{Session: wire.SessionID(a.num("session", 7)), Valid: !a.has("invalid")}
			return r.AppendTo(nil)
		}
		return wire.AppendRevalidation(nil, wire.Revalidation{Session: wire.SessionID(a.num("session", 7)), Timeout: 4000})
	}
	return nil
}

// drain prints what the machine wants.
func (s *transcript) drain() {
	for s.leader != nil {
		r, ok := s.leader.Ready()
		if !ok {
			return
		}
		s.printReady(&r.Ready, true)
		s.printLeader(&r)
	}
	for s.learner != nil {
		r, ok := s.learner.Ready()
		if !ok {
			return
		}
		s.printReady(&r.Ready, false)
		s.printLearner(&r)
	}
}

func (s *transcript) printReady(r *Ready, leads bool) {
	s.ready = r.ID
	to := func(c Conn) string {
		if leads || c != 0 {
			return fmt.Sprint(" to ", c)
		}
		return ""
	}
	for i := range r.Send {
		m := &r.Send[i]
		if m.Stream != nil {
			s.printf("%d send%s: %s", r.ID, to(m.To), describeStream(m.Stream))
			continue
		}
		s.printf("%d send%s: %s", r.ID, to(m.To), describe(m.Packet()))
	}
	for _, w := range r.Writes {
		s.printf("%d write: %s", r.ID, describeWrite(w))
	}
	for i := range r.Then {
		for pkt := range r.Then[i].Packets() {
			s.printf("%d then%s: %s", r.ID, to(r.Then[i].To), describe(pkt))
		}
	}
	if !r.Replay.Empty() {
		s.printf("%d replay %s", r.ID, describeRange(r.Replay))
	}
	for _, t := range r.Deliver {
		s.printf("%d deliver %s", r.ID, short(t.Zxid))
	}
}

func describeRange(r Range) string { return "(" + short(r.After) + ", " + short(r.To) + "]" }

func describeStream(m *Stream) string {
	var parts []string
	if m.First != 0 {
		parts = append(parts, m.First.String()+" "+short(m.Zxid))
	}
	if m.First == wire.PacketSnap {
		parts = append(parts, "to "+short(m.Range.To))
	} else if !m.Range.Empty() {
		parts = append(parts, describeRange(m.Range))
	}
	if m.Inform {
		parts = append(parts, "as INFORM")
	}
	return strings.Join(parts, ", ")
}

func describe(pkt wire.QuorumPacket) string {
	out := pkt.Type.String() + " " + short(pkt.Zxid)
	d := wire.NewDecoder(pkt.Data)
	switch pkt.Type {
	case wire.PacketAckEpoch:
		out += fmt.Sprint(" epoch=", d.Int())
	case wire.PacketCommitAndActivate, wire.PacketInformAndActivate:
		out += fmt.Sprint(" leader=", d.Long())
	case wire.PacketPing:
		if touches, _ := wire.DecodeTouches(pkt.Data); len(touches) > 0 {
			out += fmt.Sprint(" touches=", touches)
		}
	case wire.PacketNewLeader:
		config, _ := quorum.Parse(pkt.Data)
		out += fmt.Sprintf(" voters=%v version=%s", config.Voters(), short(wire.Zxid(config.Version)))
	}
	return out
}

func describeWrite(w Write) string {
	switch w.Op {
	case WriteAcceptedEpoch:
		return fmt.Sprint("acceptedEpoch ", w.Epoch)
	case WriteCurrentEpoch:
		return fmt.Sprint("currentEpoch ", w.Epoch)
	case WriteTruncate:
		return "truncate to " + short(w.Zxid)
	case WriteSnapshot:
		return "snapshot " + short(w.Zxid)
	}
	out := "append"
	for _, t := range w.Txns {
		out += " " + short(t.Zxid)
	}
	return out
}

func (s *transcript) printLeader(r *LeaderReady) {
	if r.Established {
		s.printf("%d established, first %s", r.ID, short(r.FirstZxid))
	}
	for _, req := range r.Requests {
		if req.Op == wire.OpSync {
			s.leader.SyncFor(req.From)
			continue
		}
		s.printf("%d request %v of session %v from %d", r.ID, req.Op, req.Session, req.SID)
	}
	for _, t := range r.Touches {
		s.printf("%d touch %v %d", r.ID, t.Session, t.Timeout)
	}
	for _, v := range r.Revalidations {
		s.printf("%d revalidate %v for %d", r.ID, v.Session, v.SID)
	}
	for _, id := range r.Confirmed {
		s.printf("%d confirmed %d", r.ID, id)
	}
	s.printActivation(r.ID, r.Activated)
	for _, c := range r.Close {
		s.printf("%d close %d: %v", r.ID, c.Conn, c.Err)
	}
	if r.Stop != nil {
		s.printf("%d stop: %v", r.ID, r.Stop)
	}
}

func (s *transcript) printActivation(id uint64, a *Activation) {
	if a != nil {
		s.printf("%d activated %s: voters %v, leader %d", id, short(a.Zxid), a.Config.Voters(), a.Leader)
	}
}

func (s *transcript) printLearner(r *LearnerReady) {
	if r.Snapshot != nil {
		s.printf("%d read snapshot %s", r.ID, short(*r.Snapshot))
	}
	if r.Serving {
		s.printf("%d serves in epoch %d", r.ID, r.Epoch)
	}
	for _, a := range r.Synced {
		s.printf("%d synced %d", r.ID, a.ID)
	}
	for _, v := range r.Revalidated {
		s.printf("%d revalidated %v: %v", r.ID, v.Session, v.Valid)
	}
	for _, id := range r.Moved {
		s.printf("%d session %v has moved", r.ID, id)
	}
	s.printActivation(r.ID, r.Activated)
	for _, c := range r.Close {
		s.printf("%d close %d: %v", r.ID, c.Conn, c.Err)
	}
	if r.Stop != nil {
		s.printf("%d stop: %v", r.ID, r.Stop)
	}
}

// preferSnapshot prefers it for whoever is behind a zxid.
func preferSnapshot(a args) func(wire.Zxid) bool {
	v, ok := a.named["snapshot-below"]
	if !ok {
		return nil
	}
	return func(after wire.Zxid) bool { return after < parseZxid(v) }
}
