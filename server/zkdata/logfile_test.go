package zkdata

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// readAll reads a file to its end.
func readAll(b []byte) (records []LogRecord, torn *TornTail, err error) {
	r, err := NewLogReader("log", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, nil, err
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return records, r.Torn(), nil
		}
		if err != nil {
			return records, nil, err
		}
		rec.Payload = bytes.Clone(rec.Payload)
		records = append(records, rec)
	}
}

// smallLog is a log file of transactions of several sizes, some with bytes that look
// like the end of a record.
func smallLog(t testing.TB) *keeper {
	k := newKeeper(t)
	k.create(4)
	k.txn(wire.OpSetData, &wire.SetDataTxn{Path: "/n1", Data: bytes.Repeat([]byte("B\x00"), 400), Version: 1})
	k.create(3)
	return k
}

// wholeAt is how many records end at or before an offset.
func (k *keeper) wholeAt(off int) (n int) {
	for _, end := range k.ends {
		if end <= off {
			n++
		}
	}
	return n
}

// A file that was cut anywhere, or never written behind there, holds the transactions
// that are whole, and a torn tail.
func TestCutAnywhere(t *testing.T) {
	k := smallLog(t)
	whole := k.logs[k.file]
	for cut := range len(whole) + 1 {
		for _, zeros := range []int{0, 1, 100, 5000} {
			b := append(bytes.Clone(whole[:cut]), make([]byte, zeros)...)
			records, torn, err := readAll(b)
			if err != nil || len(records) != k.wholeAt(cut) {
				t.Fatalf("cut at %d, %d zeros: %d records, %v; want %d", cut, zeros, len(records), err, k.wholeAt(cut))
			}
			end := logHeader
			if n := len(records); n > 0 {
				end = k.ends[n-1]
			}
			left := len(bytes.TrimRight(b, "\x00")) - end
			if cut >= logHeader && (torn != nil) != (left > 0) {
				t.Fatalf("cut at %d, %d zeros: torn %v", cut, zeros, torn)
			}
		}
	}
}

// A changed byte is damage, wherever it is in a record, the last one included.
func TestChangedByteAnywhere(t *testing.T) {
	k := smallLog(t)
	whole := append(bytes.Clone(k.logs[k.file]), make([]byte, 3000)...)
	end := k.ends[len(k.ends)-1]
	for at := range end {
		if at >= 8 && at < logHeader { // the number of the database means nothing
			continue
		}
		for _, change := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[at] ^= change
			records, torn, err := readAll(b)
			var damaged *DamageError
			if !errors.As(err, &damaged) {
				t.Fatalf("byte %d ^ %#x: %d records, torn %v, %v", at, change, len(records), torn, err)
			}
			if at >= logHeader && damaged.Offset != k.startOf(at) {
				t.Fatalf("byte %d ^ %#x: %v, want offset %d", at, change, err, k.startOf(at))
			}
		}
	}
}

// startOf is where the record begins that a byte belongs to.
func (k *keeper) startOf(at int) int64 {
	if n := k.wholeAt(at); n > 0 {
		return int64(k.ends[n-1])
	}
	return logHeader
}

// Bytes in what was reserved are a torn tail, not records.
func TestNoiseBehindTheEnd(t *testing.T) {
	k := smallLog(t)
	for _, noise := range []string{"x", "B", "\x00\x00\x00\x00\x01\x02\x03\x04\x00\x00\x01", string(bytes.Repeat([]byte{7}, 5000))} {
		b := append(bytes.Clone(k.logs[k.file]), noise...)
		records, torn, err := readAll(append(b, make([]byte, 100)...))
		if err != nil || len(records) != len(k.ends) || torn == nil || torn.Bytes != int64(len(noise)) {
			t.Errorf("%q: %d records, torn %v, %v", noise, len(records), torn, err)
		}
	}
}

// A torn record may hold what looks like a record, if that is none that could come later.
func TestTornRecordWithARecordInside(t *testing.T) {
	k := smallLog(t)
	inside := k.logs[k.file][logHeader:k.ends[0]]
	payload := append(make([]byte, 40), inside...)
	torn := appendRecord(nil, append(payload, make([]byte, 100)...))
	b := append(bytes.Clone(k.logs[k.file]), torn[:len(torn)-50]...)
	b = append(b, 0, 0, 0)
	if records, tail, err := readAll(b); err != nil || tail == nil || len(records) != len(k.ends) {
		t.Errorf("%d records, torn %v, %v", len(records), tail, err)
	}
}

// Pages that were lost inside the log are damage, if anything is left behind them.
func TestZeroedPart(t *testing.T) {
	k := smallLog(t)
	whole, last := k.logs[k.file], k.ends[len(k.ends)-2]
	for from := logHeader; from < last; from += 7 {
		b := bytes.Clone(whole)
		clear(b[from:min(from+500, last)])
		records, torn, err := readAll(b)
		var damaged *DamageError
		if !errors.As(err, &damaged) || damaged.Offset > int64(from) {
			t.Fatalf("zeros from %d: %d records, torn %v, %v", from, len(records), torn, err)
		}
	}
}

func TestMuchBehindTheEndIsDamage(t *testing.T) {
	k := smallLog(t)
	b := append(bytes.Clone(k.logs[k.file]), make([]byte, tornMost+2)...)
	b[len(b)-1] = 1
	b[len(k.logs[k.file])] = 1
	if _, _, err := readAll(b); err == nil {
		t.Error("taken for a torn tail")
	}
}

// A log that is written over several files is read as one.
func TestLogWriter(t *testing.T) {
	k := newKeeper(t)
	k.snapshot(plain)
	k.create(100)
	records, _, err := readAll(k.logs[k.file])
	k.ok(err)
	w := &logWriter{fs: osfs.FS{}, dir: k.dirs.LogDir(), most: 2000}
	for _, r := range records {
		k.ok(w.append(r.Zxid, r.Payload))
	}
	k.ok(w.close())
	if _, r := k.imported(); r.LogFiles != w.files || r.LogFiles < 3 || r.Txns != 100 {
		t.Errorf("%d files written, %+v", w.files, r)
	}
}

func FuzzLogReader(f *testing.F) {
	k := smallLog(f)
	whole := k.logs[k.file]
	f.Add(whole)
	f.Add(append(bytes.Clone(whole[:len(whole)-5]), make([]byte, 50)...))
	f.Add(whole[:20])
	f.Add(appendLogHeader(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		records, torn, err := readAll(b)
		var damaged *DamageError
		if err != nil && !errors.As(err, &damaged) {
			t.Fatal(err)
		}
		again := bytes.Clone(b[:min(len(b), logHeader)])
		for _, r := range records {
			if r.Offset != int64(len(again)) {
				t.Fatalf("record at %d, want %d", r.Offset, len(again))
			}
			again = appendRecord(again, r.Payload)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatal("the records are not those of the file")
		}
		if torn != nil && torn.Offset+torn.Bytes > int64(len(b)) {
			t.Fatalf("%v in %d bytes", torn, len(b))
		}
	})
}
