package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A maker writes a data directory as a server does.
type maker struct {
	t    *testing.T
	dirs datadir.Layout
	log  *txnlog.Log
	tree *datatree.Tree
}

const segmentSize = txnlog.MinSegmentSize

func newMaker(t *testing.T) *maker {
	t.Helper()
	m := &maker{t: t, dirs: datadir.Layout{Data: t.TempDir(), Log: t.TempDir()}, tree: datatree.New()}
	var err error
	m.log, err = txnlog.Open(osfs.FS{}, m.dirs.LogDir(), txnlog.Options{SegmentSize: segmentSize})
	m.ok(err)
	t.Cleanup(func() { _ = m.log.Close() })
	return m
}

func (m *maker) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// txn logs and applies a transaction with the next zxid.
func (m *maker) txn(op wire.OpCode, body wire.Record) wire.Txn {
	m.t.Helper()
	z := m.log.Last() + 1
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Session: 0xabc, Cxid: 7, Zxid: z, Time: 1_700_000_000_123, Op: op}, body)
	m.ok(m.log.Append([]txnlog.Record{{Zxid: z, Payload: txn.Raw}}))
	m.tree.Apply(&txn)
	return txn
}

func (m *maker) create(path string) {
	m.t.Helper()
	m.txn(wire.OpCreate, &wire.CreateTxn{Path: path, Data: bytes.Repeat([]byte("x"), 100), ACL: wire.WorldAnyone(31), ParentCversion: -1})
}

func (m *maker) checkpoint() {
	m.t.Helper()
	s := store.New(m.dirs.StoreDir(), zap.NewNop())
	cp, err := s.Begin(false)
	m.ok(err)
	for _, keys := range cp.Due() {
		m.tree.Refresh(keys)
	}
	scan := m.tree.Scan(false)
	for recs := scan.Step(1 << 20); recs != nil; recs = scan.Step(1 << 20) {
		m.ok(cp.Put(recs))
	}
	m.ok(cp.Commit())
	scan.Done()
	m.ok(s.Close())
}

// standard is a history over several segments with a checkpoint in the middle.
func standard(t *testing.T) *maker {
	t.Helper()
	m := newMaker(t)
	m.txn(wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 4000})
	for i := range 200 {
		m.create(fmt.Sprintf("/before%03d", i))
	}
	m.checkpoint()
	for i := range 200 {
		m.create(fmt.Sprintf("/behind%03d", i))
	}
	m.txn(wire.OpCreate, &wire.CreateTxn{Path: "/eph", Ephemeral: true, ACL: wire.WorldAnyone(31), ParentCversion: -1})
	m.txn(wire.OpError, &wire.ErrorTxn{Err: wire.NoNode})
	m.ok(m.log.Close())
	return m
}

func (m *maker) verify() *Report {
	m.t.Helper()
	r, err := Verify(osfs.FS{}, m.dirs)
	m.ok(err)
	return r
}

func (m *maker) segments() []string {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dirs.LogDir(), "log.[0-9a-f]*"))
	m.ok(err)
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".lock") })
	slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) })
	return files
}

func flip(t *testing.T, file string, at int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x10
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyUnfinishedImport(t *testing.T) {
	m := standard(t)
	m.ok(os.Mkdir(m.dirs.ImportDir(), 0o755))
	if r := m.verify(); len(r.Damage) != 1 || r.Damage[0].File != m.dirs.ImportDir() {
		t.Errorf("damage %v", r.Damage)
	}
}

func TestVerifySound(t *testing.T) {
	m := standard(t)
	r := m.verify()
	if len(r.Damage) > 0 || r.State == nil || r.Checkpoint == nil {
		t.Fatalf("damage %v, state %v, checkpoint %v", r.Damage, r.State, r.Checkpoint)
	}
	s := r.State
	if s.Zxid != m.tree.LastZxid() || s.Digest != m.tree.Digest() || s.Nodes != m.tree.NodeCount() ||
		s.Sessions != 1 || s.Ephemerals != 1 || s.Replayed != 202 || r.Checkpoint.Zxid != 201 {
		t.Errorf("state %+v, checkpoint %+v", s, r.Checkpoint)
	}
	if len(r.Log.Segments) < 3 {
		t.Errorf("%d segments: the test wants several", len(r.Log.Segments))
	}
	var text bytes.Buffer
	m.ok(r.WriteText(&text))
	for _, want := range []string{"0x1 to 0x", "zxid 0xc9, 204 nodes", "zxid 0x193, after 202 transactions", "405 nodes, 1 of them ephemeral", "\nsound "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	var form reportJSON
	var out bytes.Buffer
	m.ok(r.WriteJSON(&out))
	m.ok(json.Unmarshal(out.Bytes(), &form))
	if !form.Sound || form.State.Zxid != "0x193" || form.Checkpoint.Zxid != "0xc9" || form.Segments[0].First != "0x1" {
		t.Errorf("JSON %s", out.String())
	}
}

func TestVerifyChangesNothing(t *testing.T) {
	m := standard(t)
	before := content(t, m)
	m.verify()
	for txn, err := range Transactions(osfs.FS{}, m.dirs, Range{}) {
		_ = txn
		m.ok(err)
	}
	if after := content(t, m); before != after {
		t.Error("a file changed")
	}
}

// content is everything below both directories.
func content(t *testing.T, m *maker) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{m.dirs.Data, m.dirs.Log} {
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%s %x\n", path, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func TestVerifyFindsDamage(t *testing.T) {
	for _, tc := range []struct {
		name string
		harm func(m *maker)
		want string // in the first damage
	}{
		{"a bit in an old segment", func(m *maker) { flip(t, m.segments()[0], 9000) }, "log.1 at offset"},
		{"a bit in the newest segment", func(m *maker) { s := m.segments(); flip(t, s[len(s)-1], 8192+40) }, "bad checksum"},
		{"a header", func(m *maker) { flip(t, m.segments()[1], 20) }, "bad checksum of the header"},
		{"a lost segment", func(m *maker) { m.ok(os.Remove(m.segments()[1])) }, "missing between"},
		{"a short segment", func(m *maker) { m.ok(os.Truncate(m.segments()[0], 9000)) }, "the file has 9000 bytes instead of"},
		{"the log gone", func(m *maker) {
			for _, f := range m.segments() {
				m.ok(os.Remove(f))
			}
		}, "there is no log, and the checkpoint stands at 0xc9"},
		{"another log", func(m *maker) {
			other := newMaker(t)
			other.create("/a")
			m.ok(other.log.Close())
			m.dirs.Log = other.dirs.Log
		}, "ends at 0x1, before the checkpoint at 0xc9"},
		{"a log that begins later", func(m *maker) {
			log, err := txnlog.Open(osfs.FS{}, m.dirs.LogDir(), txnlog.Options{SegmentSize: segmentSize})
			m.ok(err)
			m.ok(log.Reset(1000))
			m.ok(log.Close())
		}, "the checkpoint stands at 0xc9 and the log begins after 0x3e8"},
		{"a log of another history", func(m *maker) {
			other := newMaker(t)
			for range 201 {
				other.txn(wire.OpError, &wire.ErrorTxn{})
			}
			other.txn(wire.OpSetData, &wire.SetDataTxn{Path: "/nowhere", Version: 1})
			m.ok(other.log.Close())
			m.dirs.Log = other.dirs.Log
		}, "transaction 0xca does not apply: setData /nowhere"},
		{"what is no transaction", func(m *maker) {
			log, err := txnlog.Open(osfs.FS{}, m.dirs.LogDir(), txnlog.Options{SegmentSize: segmentSize})
			m.ok(err)
			m.ok(log.Append([]txnlog.Record{{Zxid: log.Last() + 1, Payload: []byte("no")}}))
			m.ok(log.Close())
		}, "transaction 0x194"},
		{"the restore mark", func(m *maker) { m.ok(os.WriteFile(m.dirs.RestoreMark(), []byte("x"), 0o600)) }, "want a zxid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := standard(t)
			tc.harm(m)
			r := m.verify()
			if len(r.Damage) == 0 || !strings.Contains(r.Damage[0].String(), tc.want) {
				t.Fatalf("damage %v, want %q", r.Damage, tc.want)
			}
			var out bytes.Buffer
			m.ok(r.WriteText(&out))
			if !strings.Contains(out.String(), tc.want) || strings.Contains(out.String(), "\nsound") {
				t.Errorf("text %s", out.String())
			}
			out.Reset()
			m.ok(r.WriteJSON(&out))
			if !strings.Contains(out.String(), `"sound": false`) {
				t.Errorf("JSON %s", out.String())
			}
		})
	}
}

func TestVerifyStoreDamage(t *testing.T) {
	m := standard(t)
	tables, err := filepath.Glob(filepath.Join(m.dirs.StoreDir(), "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	flip(t, tables[0], 300)
	r := m.verify()
	if len(r.Damage) != 1 || !strings.Contains(r.Damage[0].Problem, "the checkpoint cannot be read") {
		t.Errorf("damage %v", r.Damage)
	}
}

// A store of a version before blobs.
func TestVerifyOtherFormat(t *testing.T) {
	m := standard(t)
	m.ok(os.RemoveAll(m.dirs.StoreDir()))
	db, err := badger.OpenManaged(badger.DefaultOptions(m.dirs.StoreDir()).WithLogger(nil).WithCompression(options.None))
	m.ok(err)
	batch := db.NewWriteBatchAt(1)
	m.ok(batch.SetEntryAt(badger.NewEntry([]byte("C"), []byte{0, 0, 0, 0, 0, 0, 0, 1}), 1))
	m.ok(batch.Flush())
	m.ok(db.Close())
	r := m.verify()
	if len(r.Damage) != 1 || r.Damage[0].Problem != "the checkpoint has format 1" || !strings.Contains(r.Damage[0].Remedy, "version of Zabra") {
		t.Errorf("damage %v", r.Damage)
	}
}

func TestVerifyRestoreMarks(t *testing.T) {
	for _, tc := range []struct {
		zxid, state wire.Zxid
		more        uint64
		want        string
	}{
		{201, 201, 0, "forgets the log"},
		{201, 0x193, 1, "before it took effect"}, // a snapshot that stands where the own checkpoint does
		{202, 0x193, 0, "before it took effect"},
	} {
		m := standard(t)
		number := m.verify().Checkpoint.Number
		m.ok(os.WriteFile(m.dirs.RestoreMark(), datadir.Restoring{Zxid: tc.zxid, Number: number + tc.more}.Append(nil), 0o600))
		r := m.verify()
		if len(r.Damage) > 0 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], tc.want) {
			t.Errorf("%+v: damage %v, notes %v", tc, r.Damage, r.Notes)
		}
		if r.State.Zxid != tc.state {
			t.Errorf("%+v: state at %v", tc, r.State.Zxid)
		}
	}
}

func TestRefusals(t *testing.T) {
	m := newMaker(t)
	m.create("/a")
	if _, err := Verify(osfs.FS{}, m.dirs); !errors.Is(err, ErrRunning) {
		t.Errorf("Verify beside a server: %v", err)
	}
	for _, err := range Transactions(osfs.FS{}, m.dirs, Range{}) {
		if !errors.Is(err, ErrRunning) {
			t.Errorf("Transactions beside a server: %v", err)
		}
	}
	zk := t.TempDir()
	m.ok(os.Mkdir(filepath.Join(zk, "version-2"), 0o700))
	elsewhere := standard(t).dirs
	for _, tc := range []struct {
		dirs datadir.Layout
		want string
	}{
		{datadir.Layout{Data: t.TempDir(), Log: t.TempDir()}, "holds no data of Zabra"},
		{datadir.Layout{Data: zk, Log: zk}, "Apache ZooKeeper"},
		{datadir.Layout{Data: elsewhere.Data, Log: elsewhere.Data}, "--dataLogDir"},
	} {
		if _, err := Verify(osfs.FS{}, tc.dirs); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

func zxids(t *testing.T, m *maker, r Range) (zs []wire.Zxid, failed error) {
	t.Helper()
	for txn, err := range Transactions(osfs.FS{}, m.dirs, r) {
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		zs = append(zs, txn.Header.Zxid)
	}
	return zs, failed
}

func TestTransactionsByRange(t *testing.T) {
	m := standard(t)
	for _, tc := range []struct {
		r           Range
		first, last wire.Zxid
	}{
		{Range{}, 1, 0x193}, {Range{From: 1}, 1, 0x193}, {Range{From: 100, To: 102}, 100, 102}, {Range{To: 3}, 1, 3}, {Range{From: 0x193, To: 0x500}, 0x193, 0x193},
	} {
		zs, err := zxids(t, m, tc.r)
		if err != nil || len(zs) != int(tc.last-tc.first)+1 || zs[0] != tc.first || zs[len(zs)-1] != tc.last {
			t.Errorf("%+v: %d transactions, %v", tc.r, len(zs), err)
		}
	}
	if zs, err := zxids(t, m, Range{From: 0x200}); len(zs) > 0 || err != nil {
		t.Errorf("behind the end: %v, %v", zs, err)
	}
}

func TestTransactionsUpToDamage(t *testing.T) {
	m := standard(t)
	s := m.segments()
	flip(t, s[len(s)-1], 8192+40) // the first record of the newest
	zs, err := zxids(t, m, Range{})
	var c *txnlog.CorruptError
	if !errors.As(err, &c) || len(zs) == 0 || zs[len(zs)-1] != c.After {
		t.Errorf("%d transactions, error %v", len(zs), err)
	}
}

func TestTransactionsOfAPurgedLog(t *testing.T) {
	m := standard(t)
	log, err := txnlog.Open(osfs.FS{}, m.dirs.LogDir(), txnlog.Options{SegmentSize: segmentSize})
	m.ok(err)
	m.ok(log.Purge(201, txnlog.Retention{Txns: 1, Bytes: 1}))
	base := log.Base()
	m.ok(log.Close())
	if base == 0 {
		t.Fatal("nothing was purged")
	}
	if zs, err := zxids(t, m, Range{}); err != nil || zs[0] != base+1 {
		t.Errorf("without a beginning: %v", err)
	}
	zs, err := zxids(t, m, Range{From: 1, To: base + 2})
	var late *LateError
	if !errors.As(err, &late) || late.Base != base || len(zs) != 2 {
		t.Errorf("from 1: %v, %v", zs, err)
	}
}

func TestDescribe(t *testing.T) {
	m := newMaker(t)
	sub := func(op wire.OpCode, body wire.Record) wire.SubTxn {
		return wire.SubTxn{Op: op, Data: body.AppendTo(nil)}
	}
	secret := []wire.ACL{{Perms: 1, ID: wire.ID{Scheme: "digest", ID: "bob:hash"}}, {Perms: 31, ID: wire.ID{Scheme: "ip", ID: "10.0.0.0/8"}}}
	for _, tc := range []struct {
		op         wire.OpCode
		body       wire.Record
		text, json string
	}{
		{wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 4000}, "createSession timeout 4000 ms", `"op":"createSession","timeout_ms":4000}`},
		{wire.OpCreate, &wire.CreateTxn{Path: "/a", Data: []byte("hello\n"), ACL: wire.WorldAnyone(31), Ephemeral: true, ParentCversion: 3},
			`create /a ephemeral data 6 "hello\n"`,
			`"op":"create","path":"/a","parent_created":3,"owner":"ephemeral","data_bytes":6,"data":"aGVsbG8K","acl":["world:anyone:rwcda"]}`},
		{wire.OpCreate, &wire.CreateTxn{Path: "/a b", ACL: secret}, `create "/a b" acl digest:bob:...:r,ip:10.0.0.0/8:rwcda`,
			`"op":"create","path":"/a b","parent_created":0,"acl":["digest:bob:...:r","ip:10.0.0.0/8:rwcda"]}`},
		{wire.OpCreateTTL, &wire.CreateTTLTxn{Path: "/t", Data: []byte("0123456789"), TTL: 60, ACL: wire.WorldAnyone(31)}, `createTTL /t ttl 60 ms data 10 "01234567"...`,
			`"owner":"ttl","ttl_ms":60,"data_bytes":10,"data":"MDEyMzQ1Njc=","acl":["world:anyone:rwcda"]}`},
		{wire.OpCreateContainer, &wire.CreateContainerTxn{Path: "/c", ACL: wire.WorldAnyone(31)}, `createContainer /c container`, `"owner":"container"`},
		{wire.OpDelete, &wire.DeleteTxn{Path: "/a"}, "delete /a", `"op":"delete","path":"/a"}`},
		{wire.OpSetData, &wire.SetDataTxn{Path: "/a", Data: []byte{}, Version: 2}, "setData /a version 2 data 0", `"version":2,"data_bytes":0}`},
		{wire.OpSetACL, &wire.SetACLTxn{Path: "/a", ACL: wire.WorldAnyone(1), Aversion: 1}, "setACL /a version 1 acl world:anyone:r", `"version":1`},
		{wire.OpCloseSession, &wire.CloseSessionTxn{Paths: []string{"/a", "/b"}}, "closeSession -/a -/b", `"paths":["/a","/b"]}`},
		{wire.OpError, &wire.ErrorTxn{Err: wire.NoNode}, "error -101 NoNode", `"error":"NoNode","code":-101}`},
		{wire.OpMulti, &wire.MultiTxn{Txns: []wire.SubTxn{sub(wire.OpCheck, &wire.CheckVersionTxn{Path: "/a", Version: 3}), sub(wire.OpDelete, &wire.DeleteTxn{Path: "/a"}), {Op: 77}}},
			"multi [check /a version 3; delete /a; op(77) 0 wire: transaction 0xb has unknown type 77]",
			`"ops":[{"op":"check","path":"/a","version":3},{"op":"delete","path":"/a"},{"op":"op(77)","error":"wire: transaction 0xb has unknown type 77"}]}`},
	} {
		txn := m.txn(tc.op, tc.body)
		e := Describe(&txn, 8)
		text := string(e.Append(nil))
		head := fmt.Sprintf("%v 2023-11-14T22:13:20.123Z session 0xabc cxid 7 ", txn.Header.Zxid)
		if text != head+tc.text {
			t.Errorf("text %s\nwant %s%s", text, head, tc.text)
		}
		j, err := json.Marshal(&e)
		m.ok(err)
		if !strings.Contains(string(j), tc.json) || !strings.Contains(string(j), `"time":"2023-11-14T22:13:20.123Z","session":"0xabc","cxid":7`) {
			t.Errorf("JSON %s\nwant %s", j, tc.json)
		}
	}
}

// What a member has left when it found its files damaged is reported, with what an
// operator should know of it.
func TestVerifyHealing(t *testing.T) {
	const set = "20260102T030405.678"
	for _, tc := range []struct {
		mark   datadir.Distrust
		damage string // in the first damage; "": none
		note   string // about the files that are kept
		healed bool
	}{
		{datadir.Distrust{}, "", "a leader has filled this server since: it can be removed", true},
		{datadir.Distrust{Why: datadir.Damaged, Set: set, Text: "log.1: bad checksum"}, "not to be built on: log.1: bad checksum", "no leader has filled this server since: keep it", false},
		{datadir.Distrust{Why: datadir.Moving, Set: set, Text: "log.1: bad checksum"}, "are being put aside: log.1: bad checksum", "keep it", false},
		{datadir.Distrust{Why: datadir.Replacing, Text: "a state of the leader"}, "was being taken over, and is not whole", "it can be removed", true},
		{datadir.Distrust{Why: "nonsense"}, "the mark does not say why", "it can be removed", true},
		{datadir.Distrust{Why: datadir.Fresh}, "", "it can be removed", true},
	} {
		m := standard(t)
		kept := []string{filepath.Join(m.dirs.DamagedData(), set), filepath.Join(m.dirs.DamagedLog(), set)}
		m.ok(os.MkdirAll(filepath.Join(kept[0], "zabra-store"), 0o755))
		m.ok(os.MkdirAll(filepath.Join(kept[1], "zabra-log"), 0o755))
		m.ok(os.WriteFile(filepath.Join(kept[0], "reason"), []byte("log.1: bad checksum\n"), 0o644))
		m.ok(os.WriteFile(filepath.Join(kept[1], "zabra-log", "log.1"), make([]byte, 20<<10), 0o644))
		if tc.mark.Why != datadir.NoDoubt {
			m.ok(os.WriteFile(m.dirs.Distrust(), tc.mark.Append(nil), 0o644))
		}
		r := m.verify()
		if len(r.Kept) != 1 || !slices.Equal(r.Kept[0].Dirs, kept) || r.Kept[0].Reason != "log.1: bad checksum" || r.Kept[0].Bytes != 20<<10+20 || r.Kept[0].Healed != tc.healed {
			t.Errorf("%+v: kept %+v", tc.mark, r.Kept)
		}
		var text, form bytes.Buffer
		m.ok(r.WriteText(&text))
		m.ok(r.WriteJSON(&form))
		for _, want := range []string{tc.note, kept[0] + " and " + kept[1] + ": 20 KiB that were found damaged on 2026-01-02 03:04:05 UTC: log.1: bad checksum; "} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%+v: no %q in\n%s", tc.mark, want, text.String())
			}
		}
		if (len(r.Damage) > 0) != (tc.damage != "") || len(r.Damage) > 0 && !strings.Contains(r.Damage[0].String(), tc.damage) {
			t.Errorf("%+v: damage %v", tc.mark, r.Damage)
		}
		if tc.mark.Why == datadir.Fresh && !strings.Contains(text.String(), "was started on an empty disk") {
			t.Errorf("text %s", text.String())
		}
		if healed := fmt.Sprintf(`"healed": %v`, tc.healed); !strings.Contains(form.String(), healed) {
			t.Errorf("no %s in %s", healed, form.String())
		}
	}
}
