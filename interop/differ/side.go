package differ

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/zabra/zabra/interop/raw"
)

// A slot is the place of one session at a time.
type slot struct {
	conn       *raw.Conn // nil without a connection
	id         int64     // 0 without a session
	password   []byte
	generation int
}

// A Side is one server with its sessions. It answers steps, one at a time.
type Side struct {
	addr    string
	slots   []slot
	control *raw.Conn // sees every zxid, does nothing
	zxids   []int64   // after each step
	labels  []string  // what the zxid after each step is called
	names   map[int64]string
	member  bool // see Plan
}

// Outcome is what one step brought, in lines.
type Outcome []string

// NewSide connects to a fresh server.
func NewSide(addr string, slots int) (*Side, error) {
	s := &Side{addr: addr, slots: make([]slot, slots), names: map[int64]string{0: "0"}}
	conn, a, err := raw.NewSession(addr, timeout)
	if err != nil {
		return nil, err
	}
	s.control = conn
	s.names[a.SessionID] = "control"
	z, err := s.lastZxid()
	if err != nil {
		return nil, err
	}
	s.zxids, s.labels = []int64{z}, []string{"@0"}
	return s, nil
}

// Close drops every connection.
func (s *Side) Close() {
	s.control.Close()
	for i := range s.slots {
		s.slots[i].drop()
	}
}

func (l *slot) drop() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// lastZxid asks the control session.
func (s *Side) lastZxid() (int64, error) {
	if err := s.control.Send(raw.XidPing, raw.OpPing, nil); err != nil {
		return 0, err
	}
	k, err := s.control.Recv()
	if err != nil {
		return 0, fmt.Errorf("control session: %w", err)
	}
	return k.Zxid, nil
}

// got is one packet, or the end of the connection, not yet printed.
type got struct {
	slot   int
	packet raw.Packet
	end    error
	reply  bool
	op     raw.Op // what it replies to
	text   string // instead of a packet
}

// Do carries out one step. An error is a broken run, not an outcome.
func (s *Side) Do(st Step) (Outcome, error) {
	all, err := s.act(st)
	if err != nil {
		return nil, err
	}
	others, err := s.settle(st.Slot)
	if err != nil {
		return nil, err
	}
	z, err := s.lastZxid()
	if err != nil {
		return nil, err
	}
	took := s.noteZxid(z, mayTakeZxid(st, all))
	return s.print(st, append(all, others...), took), nil
}

// noteZxid names the zxid that the step ended with and tells how many it took.
// A step that may take one or not gets no name of its own.
func (s *Side) noteZxid(z int64, open bool) string {
	i := len(s.zxids)
	took, label := z-s.zxids[i-1], s.labels[i-1]
	if took > 0 && !open {
		label = burstLabel(i, took-1)
	}
	s.zxids, s.labels = append(s.zxids, z), append(s.labels, label)
	if open {
		return "any"
	}
	return fmt.Sprint(took)
}

// burstLabel is the name of a transaction by its step and its place there.
func burstLabel(step int, place int64) string {
	if place == 0 {
		return fmt.Sprintf("@%d", step)
	}
	return fmt.Sprintf("@%d+%d", step, place)
}

func (s *Side) act(st Step) ([]got, error) {
	l := &s.slots[st.Slot]
	switch st.Kind {
	case Drop:
		l.drop()
		return nil, nil
	case Request:
		return s.request(st)
	case Burst:
		return s.burst(st)
	}
	return s.handshake(st)
}

// request sends the request and, once it is answered, a ping whose answer marks
// the end. Not at once: the answer to a ping may overtake that to a write.
func (s *Side) request(st Step) ([]got, error) {
	l := &s.slots[st.Slot]
	if err := l.conn.Send(st.Xid, st.Op, s.body(st)); err != nil {
		return nil, err
	}
	if st.Op == raw.OpCloseSession { // the end of the connection is the mark
		all := s.drainReply(st.Slot, st.Op)
		if l.conn != nil {
			all = append(all, s.drainToEnd(st.Slot))
		}
		l.drop()
		l.id = 0
		return all, nil
	}
	all := s.drainReply(st.Slot, st.Op)
	switch {
	case l.conn == nil:
		return all, nil
	case fatal(all):
		return append(all, s.drainToEnd(st.Slot)), nil
	}
	l.conn.Send(raw.XidPing, raw.OpPing, nil) // fails when the server has closed: Recv will tell
	all = append(all, s.drain(st.Slot)...)
	if st.Op == raw.OpSetWatches || st.Op == raw.OpSetWatches2 {
		return s.withoutHidden(st, all)
	}
	return all, nil
}

// withoutHidden leaves out the events that setWatches makes up for although the
// session may not read the node: see below Exclusions.
func (s *Side) withoutHidden(st Step, all []got) ([]got, error) {
	l := &s.slots[st.Slot]
	var seen []got
	for _, g := range all {
		if l.conn == nil || g.text != "" || g.reply || g.end != nil || g.packet.Zxid != -1 {
			seen = append(seen, g)
			continue
		}
		path := eventPath(g.packet)
		if err := l.conn.Send(existsXid, raw.OpExists, raw.Read(path, false)); err != nil {
			return nil, err
		}
		k, err := l.conn.Recv()
		if err != nil {
			return nil, err
		}
		if k.Xid != existsXid {
			return nil, fmt.Errorf("exists %q after setWatches: answered with xid %d", path, k.Xid)
		}
		if k.Err != noAuth {
			seen = append(seen, g)
		}
	}
	return seen, nil
}

func eventPath(p raw.Packet) string {
	r := raw.NewReader(p.Body)
	_, _ = r.Int(), r.Int() // type and state
	return r.Str()
}

const (
	existsXid = 1 << 30
	noAuth    = -102
)

// body is the step's body with the server's own zxid in it, where there is one.
func (s *Side) body(st Step) raw.Body {
	if st.Since < 0 {
		return st.Body
	}
	return append(raw.Body{}.Long(s.zxids[min(st.Since, len(s.zxids)-1)]), st.Body[8:]...)
}

// burst sends all requests in one go and reads as many replies.
func (s *Side) burst(st Step) ([]got, error) {
	l := &s.slots[st.Slot]
	var frames raw.Body
	for _, b := range st.Burst {
		frames = frames.Bytes(append(raw.Body{}.Int(b.Xid).Int(int32(b.Op)), s.body(b)...))
	}
	if err := l.conn.Write(frames); err != nil {
		return nil, err
	}
	var all []got
	for _, b := range st.Burst {
		if l.conn == nil {
			return all, nil
		}
		all = append(all, s.drainReply(st.Slot, b.Op)...)
	}
	if l.conn == nil {
		return all, nil
	}
	l.conn.Send(raw.XidPing, raw.OpPing, nil)
	return append(all, s.drain(st.Slot)...), nil
}

// fatal reports whether a reply is one that the server closes after. The close
// and the answer to the ping behind it may overtake each other.
func fatal(all []got) bool {
	for _, g := range all {
		unknown := g.packet.Err == -6 && g.packet.Zxid == -1
		if g.reply && (unknown || g.packet.Err == -115 || g.packet.Err == -124) {
			return true
		}
	}
	return false
}

func (s *Side) drainToEnd(i int) got {
	l := &s.slots[i]
	defer l.drop()
	for {
		if _, err := l.conn.Recv(); err != nil {
			return got{slot: i, end: err}
		}
	}
}

// drainReply reads a slot's packets up to its first reply, which is to op.
func (s *Side) drainReply(i int, op raw.Op) []got {
	l := &s.slots[i]
	var all []got
	for {
		k, err := l.conn.Recv()
		if err != nil {
			l.drop()
			return append(all, got{slot: i, end: err})
		}
		all = append(all, got{slot: i, packet: k, reply: k.Xid != raw.XidEvent, op: op})
		if k.Xid != raw.XidEvent {
			return all
		}
	}
}

// drain reads a slot's packets up to the answer to its ping.
func (s *Side) drain(i int) []got {
	l := &s.slots[i]
	var all []got
	for {
		k, err := l.conn.Recv()
		switch {
		case err != nil:
			l.drop()
			return append(all, got{slot: i, end: err})
		case k.Xid == raw.XidEvent:
			all = append(all, got{slot: i, packet: k})
		case k.Xid == raw.XidPing && k.Err == 0:
			return all
		default:
			all = append(all, got{slot: i, text: fmt.Sprintf("unexpected %+v", k)})
		}
	}
}

// settle pings every other session and collects what came before the answers.
func (s *Side) settle(but int) ([]got, error) {
	for i := range s.slots {
		if i != but && s.slots[i].conn != nil {
			s.slots[i].conn.Send(raw.XidPing, raw.OpPing, nil)
		}
	}
	var all []got
	for i := range s.slots {
		if i != but && s.slots[i].conn != nil {
			all = append(all, s.drain(i)...)
		}
	}
	return all, nil
}

func (s *Side) handshake(st Step) ([]got, error) {
	l := &s.slots[st.Slot]
	q := raw.ConnectRequest{Timeout: st.Timeout, SessionID: l.id, Password: l.password, NoReadOnly: st.Old}
	switch st.Kind {
	case WrongPass:
		q.Password = bytes.Repeat([]byte{1}, raw.PasswordLen)
	case Ahead:
		q.LastZxidSeen = s.zxids[len(s.zxids)-1] + 1000
	default:
		q.LastZxidSeen = s.zxids[len(s.zxids)-1]
	}
	conn, err := raw.Dial(s.addr)
	if err != nil {
		return nil, err
	}
	a, err := conn.Handshake(q)
	if err != nil {
		conn.Close()
		return []got{{slot: st.Slot, end: err}}, nil
	}
	return s.accepted(st, conn, q, a)
}

// accepted notes what the server's answer means for the slot.
func (s *Side) accepted(st Step, conn *raw.Conn, q raw.ConnectRequest, a raw.ConnectResponse) ([]got, error) {
	l := &s.slots[st.Slot]
	same := a.SessionID == q.SessionID && bytes.Equal(a.Password, q.Password)
	text := fmt.Sprintf("connected timeout=%d len=%d ro=%v same=%v refused=%v",
		a.Timeout, a.Len, a.ReadOnly, same, a.SessionID == 0)
	all := []got{{slot: st.Slot, text: text}}
	if a.SessionID == 0 {
		_, err := conn.Recv()
		conn.Close()
		return append(all, got{slot: st.Slot, end: err}), nil
	}
	if old := l.conn; old != nil { // taken over: the server must have closed it
		_, err := old.Recv()
		all = append(all, got{slot: st.Slot, text: "old connection:"}, got{slot: st.Slot, end: err})
		l.drop()
	}
	if !same {
		l.generation++
		s.names[a.SessionID] = fmt.Sprintf("s%d.%d", st.Slot, l.generation)
	}
	l.conn, l.id, l.password = conn, a.SessionID, a.Password
	return all, nil
}

// print turns packets into lines, now that the step's zxid is known.
func (s *Side) print(st Step, all []got, took string) Outcome {
	v := raw.View{Zxid: s.zxidName, Session: s.sessionName, Time: timeName, Unordered: true}
	var out Outcome
	for _, g := range all {
		line := fmt.Sprintf("s%d: ", g.slot)
		switch {
		case errors.Is(g.end, io.EOF):
			line += "closed"
		case g.end != nil:
			line += "!" + g.end.Error()
		case g.text != "":
			line += g.text
		case g.reply:
			line += fmt.Sprintf("xid=%d %s", g.packet.Xid, v.Reply(g.op, g.packet))
		default:
			line += v.Event(g.packet)
		}
		out = append(out, line)
	}
	if st.Op == raw.OpCloseSession {
		sort.Strings(out) // in which order ephemerals go is open
	}
	return append(out, "took "+took)
}

// zxidName names a transaction by the step that made it, and within a burst by
// its place there: @12 is the first or only one, @12+1 the second.
func (s *Side) zxidName(z int64) string {
	if z <= 0 {
		return fmt.Sprint(z)
	}
	i, _ := slices.BinarySearch(s.zxids, z)
	if i == len(s.zxids) {
		return fmt.Sprintf("@future(%#x)", z)
	}
	if i > 0 && z != s.zxids[i] {
		return burstLabel(i, z-s.zxids[i-1]-1)
	}
	return s.labels[i]
}

func (s *Side) sessionName(id int64) string {
	if n, ok := s.names[id]; ok {
		return n
	}
	return fmt.Sprintf("unknown(%#x)", uint64(id))
}

func timeName(ms int64) string {
	if ms == 0 {
		return "0"
	}
	return "t"
}
