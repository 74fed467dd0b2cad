package sim

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A Violation is an invariant that did not hold.
type Violation struct {
	Invariant string // I1 to I21 of the protocol reference, section 11, or the name of a checker
	Text      string
}

func (v *Violation) Error() string { return v.Invariant + ": " + v.Text }

// A ledger is told what every server did to its disk and to its tree, and what it
// told others, and checks the invariants that one look at one server cannot. It
// knows nothing of how servers work.
//
// A zxid names one transaction: sent checks that. So histories are lists of zxids
// here, and each entry is compared with what was broadcast when it is logged.
type ledger struct {
	fail   func(invariant, format string, args ...any)
	active quorum.Active

	books     map[wire.SID]*book
	sent      map[wire.Zxid]broadcast
	cast      map[ballot]map[wire.SID]bool
	configs   map[int64]string
	counter   uint32 // the last one that an epoch may use; 0 for no bound
	reigns    map[wire.Epoch]*reign
	delivered []wire.Zxid // by anybody, in order
	index     map[wire.Zxid]int
	digests   map[wire.Zxid]uint64 // of the tree behind a transaction
	seed      maphash.Seed
	gone      map[wire.SID]map[wire.Zxid]bool // what servers held whose disks were lost
}

// A broadcast is a transaction as its leader proposed it.
type broadcast struct {
	by   wire.SID
	prev wire.Zxid // the one before in the leader's history
	hash uint64
	raw  []byte
	need quorum.Active // whose quorums it needs
}

// A ballot is a vote in a round of an election.
type ballot struct {
	round  int64
	leader wire.SID
	zxid   wire.Zxid
	epoch  int64
}

// A reign is an epoch that was led.
type reign struct {
	leader  wire.SID
	initial wire.Zxid // end of the leader's log when the epoch was its own
	formed  bool      // a quorum had the initial history
}

// A book is what a server has on disk, as the ledger knows it.
type book struct {
	config   int64     // version of the configuration that the core put into force
	member   int64     // of the one that the member goes by, which hears of it later
	base     wire.Zxid // where the log begins
	log      []wire.Zxid
	synced   int // entries that survive a crash
	accepted wire.Epoch
	current  wire.Epoch
	pos      int  // how many of the delivered transactions this life has delivered
	loose    bool // a truncation or a snapshot is being written: either state may be found
	looseTo  wire.Zxid
	lost     bool // the disk was damaged or replaced: nothing is known of it
}

func newLedger(c quorum.Config, fail func(string, string, ...any)) *ledger {
	l := &ledger{
		fail: fail, active: quorum.Active{Committed: c}, books: map[wire.SID]*book{}, sent: map[wire.Zxid]broadcast{},
		cast: map[ballot]map[wire.SID]bool{}, configs: map[int64]string{},
		gone:   map[wire.SID]map[wire.Zxid]bool{},
		reigns: map[wire.Epoch]*reign{}, index: map[wire.Zxid]int{}, digests: map[wire.Zxid]uint64{}, seed: maphash.MakeSeed(),
	}
	for _, s := range c.Servers {
		l.books[s.ID] = &book{}
	}
	return l
}

// end is the last zxid of the log, durable or not.
func (b *book) end() wire.Zxid { return b.endOf(len(b.log)) }

// durable is the last zxid that survives a crash.
func (b *book) durable() wire.Zxid { return b.endOf(b.synced) }

func (b *book) endOf(n int) wire.Zxid {
	if n == 0 {
		return b.base
	}
	return b.log[n-1]
}

// holds reports whether a transaction is durable here, in the log or in the state
// that the log begins from.
func (b *book) holds(z wire.Zxid) bool {
	if b.lost || z <= b.base {
		return !b.lost
	}
	_, ok := slices.BinarySearch(b.log[:b.synced], z)
	return ok
}

// proposed is called when a leader broadcasts a transaction.
func (l *ledger) proposed(by wire.SID, z wire.Zxid, raw []byte, need quorum.Active) {
	r := l.reigns[z.Epoch()]
	if r == nil || r.leader != by || !r.formed {
		l.fail("I2", "server %d proposes %v, and does not lead that epoch", by, z)
		return
	}
	if _, ok := l.sent[z]; ok {
		l.fail("I13", "server %d proposes %v twice", by, z)
		return
	}
	if l.counter > 0 && z.Counter() > l.counter {
		l.fail("I13", "server %d proposes %v, and the last of an epoch is %d", by, z, l.counter)
	}
	prev := r.initial
	if z.Counter() > 1 {
		prev = z - 1
		if _, ok := l.sent[prev]; !ok {
			l.fail("I13", "server %d proposes %v before %v", by, z, prev)
			return
		}
	} else if before := l.deliveredBefore(z.Epoch()); before > prev {
		l.fail("I8", "server %d proposes %v behind %v, and %v was delivered before", by, z, prev, before)
	}
	l.sent[z] = broadcast{by: by, prev: prev, hash: maphash.Bytes(l.seed, raw), raw: raw, need: need}
}

// deliveredBefore is the last transaction of an earlier epoch that was delivered.
func (l *ledger) deliveredBefore(e wire.Epoch) wire.Zxid {
	n, _ := slices.BinarySearch(l.delivered, wire.MakeZxid(e, 0))
	if n == 0 {
		return 0
	}
	return l.delivered[n-1]
}

// appending is called before a server writes transactions to its log.
func (l *ledger) appending(id wire.SID, z wire.Zxid, raw []byte) {
	b := l.books[id]
	s, ok := l.sent[z]
	switch {
	case !ok:
		l.fail("I2", "server %d logs %v, which nobody proposed", id, z)
	case s.hash != maphash.Bytes(l.seed, raw):
		l.fail("I2", "server %d logs %v with other bytes than server %d proposed", id, z, s.by)
	case l.plain(b.end()) != s.prev && !(len(b.log) == 0 && b.base >= s.prev && b.base < z):
		l.fail("I13", "server %d logs %v behind %v, and it was proposed behind %v", id, z, b.end(), s.prev)
	}
	b.log = append(b.log, z)
}

// unappended is called when the log found no room for what it was to append last.
func (l *ledger) unappended(id wire.SID, n int) {
	b := l.books[id]
	b.log = b.log[:len(b.log)-n]
}

// synced is called when a server's log is durable.
func (l *ledger) synced(id wire.SID) {
	b := l.books[id]
	b.synced, b.loose = len(b.log), false
}

// cutting is called before a server truncates its log, and cut after.
func (l *ledger) cutting(id wire.SID, keep wire.Zxid) {
	b := l.books[id]
	b.synced = len(b.log) // a truncation syncs first
	b.loose, b.looseTo = true, keep
}

func (l *ledger) cut(id wire.SID, keep wire.Zxid) {
	b := l.books[id]
	n, _ := slices.BinarySearch(b.log, keep+1)
	b.log = b.log[:n:n]
	b.synced, b.loose = n, false
	l.remains(id)
}

// remains checks that a quorum still has what was delivered last. A server may give
// a delivered transaction back for a while when it begins to follow anew: the leader
// did not count on it, or the transaction would have been committed before.
func (l *ledger) remains(id wire.SID) {
	if len(l.delivered) == 0 {
		return
	}
	z := l.delivered[len(l.delivered)-1]
	if !majority(l.needed(z), func(v wire.SID) bool { return l.books[v].lost || l.had(v, z) }) {
		l.fail("I10", "server %d gives %v back, which was delivered; now only %v have it", id, z, l.holders(z))
	}
}

// resetting is called before a server replaces its log by a snapshot, and reset
// after.
func (l *ledger) resetting(id wire.SID, z wire.Zxid) {
	l.books[id].loose, l.books[id].looseTo = true, z
}

func (l *ledger) reset(id wire.SID, z wire.Zxid) {
	b := l.books[id]
	*b = book{base: z, accepted: b.accepted, current: b.current, pos: b.pos, lost: b.lost, config: b.config, member: b.member}
	l.remains(id)
}

// forgot is called when a disk was replaced.
func (l *ledger) forgot(id wire.SID) {
	l.remember(id)
	*l.books[id] = book{lost: true}
}

// remember notes what a server held before its disk was lost: its acknowledgement was
// honest, and counts for what is delivered later.
func (l *ledger) remember(id wire.SID) {
	if l.gone[id] == nil {
		l.gone[id] = map[wire.Zxid]bool{}
	}
	b := l.books[id]
	for _, z := range b.log[:b.synced] {
		l.gone[id][z] = true
	}
}

// had reports whether a server has a transaction, or had it when its disk was lost.
func (l *ledger) had(id wire.SID, z wire.Zxid) bool { return l.books[id].holds(z) || l.gone[id][z] }

// damaged is called when a server finds that its disk is not to be relied on: what
// it holds does not count until it was synchronised again.
func (l *ledger) damaged(id wire.SID) {
	if b := l.books[id]; !b.lost {
		l.remember(id)
		b.lost = true
	}
}

// recovered is called with what a server found in its log when it started.
func (l *ledger) recovered(id wire.SID, base wire.Zxid, log []wire.Zxid) {
	b := l.books[id]
	if b.lost {
		*b = book{base: base, log: log, synced: len(log), accepted: b.accepted, current: b.current, lost: true}
		return
	}
	full, synced := b.log, b.synced
	if b.loose && base == b.looseTo && len(log) == 0 {
		*b = book{base: base, accepted: b.accepted, current: b.current}
		return
	}
	if b.loose {
		synced, _ = slices.BinarySearch(b.log, b.looseTo+1)
	}
	if base > b.base { // purged
		n, _ := slices.BinarySearch(full, base+1)
		full, synced = full[n:], max(0, synced-n)
	}
	if len(log) < synced || len(log) > len(full) || !slices.Equal(log, full[:len(log)]) {
		l.fail("I10", "server %d recovers its log from %v to %v, and had synced up to %v", id, base, lastOf(log, base), b.durable())
	}
	*b = book{base: base, log: log, synced: len(log), accepted: b.accepted, current: b.current}
}

func lastOf(log []wire.Zxid, base wire.Zxid) wire.Zxid {
	if len(log) == 0 {
		return base
	}
	return log[len(log)-1]
}

// wroteEpoch is called when an epoch file is durable.
func (l *ledger) wroteEpoch(id wire.SID, current bool, e wire.Epoch) {
	b := l.books[id]
	kept, name := &b.accepted, "acceptedEpoch"
	if current {
		kept, name = &b.current, "currentEpoch"
	}
	if e < *kept {
		l.fail("I11", "server %d lowers its %s from %d to %d", id, name, *kept, e)
	}
	*kept = e
	if b.current > b.accepted {
		l.fail("I11", "server %d has currentEpoch %d and acceptedEpoch %d", id, b.current, b.accepted)
	}
	if current {
		b.lost = b.lost && l.reigns[e] == nil
		l.hasHistory(id, e, "writes currentEpoch")
	}
}

// hasHistory checks that the durable log contains the initial history of an epoch.
func (l *ledger) hasHistory(id wire.SID, e wire.Epoch, what string) {
	r, b := l.reigns[e], l.books[id]
	if r == nil {
		return // an epoch that came to nothing, whose number a recovery took over
	}
	if !b.holds(r.initial) && b.durable() < r.initial {
		l.fail("I12", "server %d %s %d with a log up to %v, and the epoch began with %v", id, what, e, b.durable(), r.initial)
	}
}

// leads is called when a quorum has promised a leader its epoch.
func (l *ledger) leads(id wire.SID, e wire.Epoch, initial wire.Zxid) {
	if r := l.reigns[e]; r != nil {
		if r.leader != id {
			l.fail("I1", "servers %d and %d both lead epoch %d", r.leader, id, e)
		} else {
			l.fail("I1", "server %d leads epoch %d twice", id, e)
		}
		return
	}
	l.reigns[e] = &reign{leader: id, initial: l.plain(initial)}
}

// plain returns the transaction that ends a history which ends at z: z itself, or
// for epoch<<32, which no transaction bears, the end of that epoch's initial
// history.
func (l *ledger) plain(z wire.Zxid) wire.Zxid {
	for z.Counter() == 0 && l.reigns[z.Epoch()] != nil {
		z = l.reigns[z.Epoch()].initial
	}
	return z
}

// forms is called when a leader is established.
func (l *ledger) forms(id wire.SID, e wire.Epoch) {
	r := l.reigns[e]
	if r == nil || r.leader != id || r.formed {
		l.fail("I1", "server %d is established in epoch %d, which it does not lead", id, e)
		return
	}
	r.formed = true
	l.hasHistory(id, e, "is established in epoch")
	for _, z := range l.delivered {
		if z.Epoch() < e && !l.books[id].holds(z) && z > r.initial {
			l.fail("I9", "server %d leads epoch %d from %v on, and %v was delivered before", id, e, r.initial, z)
			return
		}
	}
}

// deliver is called when a server has applied a transaction.
func (l *ledger) deliver(id wire.SID, z wire.Zxid, digest uint64) {
	b := l.books[id]
	switch {
	case b.pos < len(l.delivered):
		if want := l.delivered[b.pos]; want != z {
			l.fail("I3", "server %d delivers %v where %v was delivered before", id, z, want)
			return
		}
	default:
		l.first(id, z)
	}
	b.pos++
	if want, ok := l.digests[z]; !ok {
		l.digests[z] = digest
	} else if want != digest {
		l.fail("I17", "server %d has the tree %x at %v, and another one had %x", id, digest, z, want)
	}
	if b.durable() < z {
		l.fail("I10", "server %d delivers %v and its own log is durable up to %v", id, z, b.durable())
	}
}

// first is called for the first delivery of a transaction by anybody.
func (l *ledger) first(id wire.SID, z wire.Zxid) {
	s, ok := l.sent[z]
	if !ok {
		l.fail("I2", "server %d delivers %v, which nobody proposed", id, z)
		return
	}
	if n := len(l.delivered); n > 0 && l.delivered[n-1] >= z {
		l.fail("I7", "server %d delivers %v after %v", id, z, l.delivered[n-1])
	}
	if n := len(l.delivered); n > 0 && l.delivered[n-1] < s.prev {
		l.fail("I5", "server %d delivers %v directly after %v, and it was proposed behind %v", id, z, l.delivered[n-1], s.prev)
	}
	if !majority(l.needed(z), func(v wire.SID) bool { return l.had(v, z) }) {
		l.fail("I10", "server %d delivers %v, which is durable on %v only", id, z, l.holders(z))
	}
	for e, r := range l.reigns {
		if r.formed && e > z.Epoch() && r.initial < z {
			l.fail("I9", "server %d delivers %v, and epoch %d began with %v", id, z, e, r.initial)
			return
		}
	}
	l.index[z] = len(l.delivered)
	l.delivered = append(l.delivered, z)
}

// needed is whose majorities a transaction needs: those of the configurations that were
// in force when it was proposed. If the later of them is committed by now, the earlier
// one no longer counts: nobody leads by it alone, since a majority of it knows the
// later one.
func (l *ledger) needed(z wire.Zxid) quorum.Active {
	need := l.sent[z].need
	if need.Pending() && need.Proposed.Version <= l.active.Committed.Version {
		return quorum.Active{Committed: need.Proposed}
	}
	return need
}

// holders lists who has a transaction on disk.
func (l *ledger) holders(z wire.Zxid) []wire.SID {
	var ids []wire.SID
	for id, b := range l.books {
		if b.holds(z) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// loaded is called when a server begins with a tree at z, from its own checkpoint
// or from a leader.
func (l *ledger) loaded(id wire.SID, z wire.Zxid, digest uint64) {
	n, ok := slices.BinarySearch(l.delivered, z)
	if ok {
		n++
	}
	l.books[id].pos = n
	if n == 0 {
		return
	}
	last := l.delivered[n-1]
	if want := l.digests[last]; want != digest {
		l.fail("I17", "server %d begins with the tree %x at %v, and at %v it was %x", id, digest, z, last, want)
	}
	if !ok && z.Counter() != 0 {
		l.fail("I17", "server %d begins with a tree at %v, which was not delivered", id, z)
	}
}

func (l *ledger) String() string {
	return fmt.Sprintf("%d transactions delivered in %d epochs", len(l.delivered), len(l.reigns))
}
