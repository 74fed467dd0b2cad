package wire

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The payload of the first record of a log that ZooKeeper 3.9.5 wrote.
const firstLogRecord = "0100001289bc0000 00000000 0000000100000001 000001a20156bbbd fffffff6 00002710 00000002 0000000051c6d660"

func TestDecodeZooKeepersFirstLogRecord(t *testing.T) {
	raw := unhex(t, firstLogRecord)
	txn, err := DecodeTxn(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := TxnHeader{Session: 0x100001289bc0000, Zxid: MakeZxid(1, 1), Time: 0x1a20156bbbd, Op: OpCreateSession}
	if txn.Header != want {
		t.Errorf("header %+v, want %+v", txn.Header, want)
	}
	if body := txn.Body.(*CreateSessionTxn); body.Timeout != 10000 {
		t.Errorf("timeout %d, want 10000", body.Timeout)
	}
	if txn.Digest == nil || *txn.Digest != (TxnDigest{2, 0x51c6d660}) {
		t.Errorf("digest %+v", txn.Digest)
	}
	again := EncodeTxn(nil, txn.Header, txn.Body)
	if got, want := hex.EncodeToString(again.Raw), hex.EncodeToString(raw[:36]); got != want {
		t.Errorf("encoded again: %s, want %s", got, want)
	}
}

// txnOps are the transaction types.
var txnOps = []OpCode{
	OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL, OpDelete, OpDeleteContainer, OpSetData, OpReconfig,
	OpSetACL, OpCheck, OpCreateSession, OpCloseSession, OpMulti, OpError,
}

func TestEveryTxnTypeRoundTrips(t *testing.T) {
	for _, op := range txnOps {
		body := filled(NewTxnBody(op))
		want := EncodeTxn(nil, TxnHeader{Session: 1, Cxid: 2, Zxid: 3, Time: 4, Op: op}, body)
		got, err := DecodeTxn(want.Raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, %v", op, got, err)
		}
		withDigest := (&TxnDigest{2, 99}).AppendTo(want.Raw)
		got, err = DecodeTxn(withDigest)
		if err != nil || !reflect.DeepEqual(got.Body, body) || got.Digest == nil || got.Digest.Digest != 99 {
			t.Errorf("%v with a digest: got %+v, %v", op, got, err)
		}
	}
}

// Requests that are never logged have no transaction record.
func TestNewTxnBodyOfOtherOps(t *testing.T) {
	for _, op := range []OpCode{OpNotification, OpExists, OpGetData, OpSync, OpPing, OpAuth, OpWhoAmI, 10, -2, 999} {
		if r := NewTxnBody(op); r != nil {
			t.Errorf("%v has transaction record %T", op, r)
		}
	}
}

func TestDecodeTxnErrors(t *testing.T) {
	if _, err := DecodeTxn(make([]byte, 31)); !errors.Is(err, ErrTruncated) {
		t.Errorf("short header: %v", err)
	}
	h := TxnHeader{Zxid: MakeZxid(1, 9), Op: 42}
	_, err := DecodeTxn(h.AppendTo(nil))
	if e := new(TxnTypeError); !errors.As(err, &e) || e.Op != 42 || e.Zxid != h.Zxid || !strings.Contains(err.Error(), "0x100000009") {
		t.Errorf("unknown type: %v", err)
	}
	h.Op = OpSetData
	_, err = DecodeTxn(append(h.AppendTo(nil), 0, 0))
	if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "setData") {
		t.Errorf("short body: %v", err)
	}
}

// The form of ZooKeeper 3.3 ends after the ephemeral flag.
func TestDecodeCreateWithoutParentCversion(t *testing.T) {
	want := &CreateTxn{Path: "/a", Data: []byte("x"), ACL: WorldAnyone(PermAll), Ephemeral: true, ParentCversion: -1}
	txn := EncodeTxn(nil, TxnHeader{Op: OpCreate}, want)
	got, err := DecodeTxn(txn.Raw[:len(txn.Raw)-4])
	if err != nil || !reflect.DeepEqual(got.Body, want) {
		t.Errorf("got %+v, %v", got.Body, err)
	}
	if _, err := DecodeTxn(txn.Raw[:len(txn.Raw)-5]); !errors.Is(err, ErrTruncated) {
		t.Errorf("without the flag: %v", err)
	}
}

func TestDecodeThreeFormsOfCloseSession(t *testing.T) {
	h := TxnHeader{Session: 5, Op: OpCloseSession}
	bare := h.AppendTo(nil)
	digest := &TxnDigest{2, 0x51c6d660}
	paths := &CloseSessionTxn{Paths: []string{"/a", "/b"}}
	for _, tt := range []struct {
		name   string
		raw    []byte
		paths  []string
		digest *TxnDigest
	}{
		{"before 3.6", bare, nil, nil},
		{"closeSessionTxn.enabled=false", digest.AppendTo(bare), nil, digest},
		{"with paths", paths.AppendTo(bare), paths.Paths, nil},
		{"with paths and digest", digest.AppendTo(paths.AppendTo(bare)), paths.Paths, digest},
		{"with no paths", (&CloseSessionTxn{Paths: []string{}}).AppendTo(bare), []string{}, nil},
	} {
		got, err := DecodeTxn(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if body := got.Body.(*CloseSessionTxn); !reflect.DeepEqual(body.Paths, tt.paths) {
			t.Errorf("%s: paths %#v, want %#v", tt.name, body.Paths, tt.paths)
		}
		if !reflect.DeepEqual(got.Digest, tt.digest) {
			t.Errorf("%s: digest %+v", tt.name, got.Digest)
		}
	}
}

func TestDecodeSubTxn(t *testing.T) {
	h := TxnHeader{Session: 1, Zxid: 7, Time: 9, Op: OpMulti}
	body := filled(new(SetDataTxn))
	got, err := DecodeSubTxn(h, SubTxn{OpSetData, body.AppendTo(nil)})
	if err != nil || !reflect.DeepEqual(got.Body, body) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if h.Op = OpSetData; got.Header != h {
		t.Errorf("header %+v, want %+v", got.Header, h)
	}
	for _, op := range []OpCode{OpMulti, OpCreateSession, OpCloseSession, OpReconfig, 42} {
		_, err := DecodeSubTxn(h, SubTxn{op, make([]byte, 64)})
		if e := new(TxnTypeError); !errors.As(err, &e) {
			t.Errorf("%v inside a multi: %v", op, err)
		}
	}
}

func FuzzDecodeTxn(f *testing.F) {
	f.Add(unhex(f, firstLogRecord))
	for _, op := range txnOps {
		f.Add(EncodeTxn(nil, TxnHeader{Zxid: 1, Op: op}, filled(NewTxnBody(op))).Raw)
	}
	h := TxnHeader{Op: OpCloseSession}
	f.Add((&TxnDigest{2, 1}).AppendTo(h.AppendTo(nil)))
	f.Add(h.AppendTo(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		txn, err := DecodeTxn(raw)
		if err != nil {
			return
		}
		again, err := DecodeTxn(EncodeTxn(nil, txn.Header, txn.Body).Raw)
		if err != nil || !sameTxnBody(again.Body, txn.Body) {
			t.Fatalf("%v: %+v became %+v, %v", txn.Header.Op, txn.Body, again.Body, err)
		}
		if m, ok := txn.Body.(*MultiTxn); ok {
			for _, sub := range m.Txns {
				_, _ = DecodeSubTxn(txn.Header, sub)
			}
		}
	})
}

// sameTxnBody compares bodies. One closeSession is written as another: two
// paths that take eight bytes look like a digest.
func sameTxnBody(a, b Record) bool {
	if c, ok := b.(*CloseSessionTxn); ok && len(c.Paths) == txnDigestVersion && len(c.AppendTo(nil)) == txnDigestSize {
		return true
	}
	return reflect.DeepEqual(a, b)
}

func BenchmarkEncodeSetData(b *testing.B) {
	body := &SetDataTxn{Path: "/bench/node-000001", Data: make([]byte, 100), Version: 1}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = EncodeTxn(buf[:0], TxnHeader{Op: OpSetData}, body).Raw
	}
}

func BenchmarkDecodeTxn(b *testing.B) {
	raw := EncodeTxn(nil, TxnHeader{Op: OpSetData}, &SetDataTxn{Path: "/bench/node-000001", Data: make([]byte, 100)}).Raw
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeTxn(raw); err != nil {
			b.Fatal(err)
		}
	}
}
