package differ

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zabra/zabra/interop/raw"
)

// dump prints every node that a super user can see: data, ACL, Stat.
func (s *Side) dump() (Outcome, error) {
	if _, err := s.ask(raw.OpAuth, raw.Auth("digest", []byte(superAuth))); err != nil {
		return nil, err
	}
	return s.dumpBelow("/", nil)
}

func (s *Side) dumpBelow(path string, out Outcome) (Outcome, error) {
	if path == configNode && s.member {
		return out, nil
	}
	v := raw.View{Zxid: s.zxidName, Session: s.sessionName, Time: timeName, Unordered: true}
	for _, op := range []raw.Op{raw.OpGetData, raw.OpGetACL} {
		k, err := s.ask(op, append(raw.Path(path), 0))
		if err != nil {
			return nil, err
		}
		k.Zxid = 0
		out = append(out, fmt.Sprintf("%q %v %s", path, op, v.Reply(op, k)))
	}
	k, err := s.ask(raw.OpGetChildren, raw.Read(path, false))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(slices.Values(raw.NewReader(k.Body).Strs())) {
		if out, err = s.dumpBelow(strings.TrimSuffix(path, "/")+"/"+name, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ask does one request on the control session, which has no watches.
func (s *Side) ask(op raw.Op, body raw.Body) (raw.Packet, error) {
	if err := s.control.Send(1, op, body); err != nil {
		return raw.Packet{}, err
	}
	return s.control.Recv()
}

// compareTrees is the last look: the same nodes must be there.
func compareTrees(a, b *Side, m *Mismatch) error {
	da, err := a.dump()
	if err != nil {
		return fmt.Errorf("peer: dump: %w", err)
	}
	db, err := b.dump()
	if err != nil {
		return fmt.Errorf("subject: dump: %w", err)
	}
	if slices.Equal(da, db) {
		return nil
	}
	for i := range max(len(da), len(db)) {
		if f, s := line(da, i), line(db, i); f != s {
			m.First, m.Second = append(m.First, f), append(m.Second, s)
		}
	}
	return m
}
