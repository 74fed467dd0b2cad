package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/datatree"
	"pgregory.net/rapid"
)

// blobs are stored blobs by their keys.
type blobs map[string][]byte

// pack adds the blobs of one checkpoint.
func (b blobs) pack(t require, number uint64, records []datatree.Record) inventory {
	p := newPacker(number, func(key, blob []byte) error {
		if len(blob) > blobSize {
			t.Errorf("a blob of %d bytes", len(blob))
		}
		if b[string(key)] != nil {
			t.Errorf("two blobs with the key %q", key)
		}
		b[string(key)] = bytes.Clone(blob)
		return nil
	})
	for _, r := range records {
		g, index := place(r.Key)
		if err := p.add(g, index, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flushAll(); err != nil {
		t.Fatal(err)
	}
	if p.waiting != 0 {
		t.Errorf("%d bytes wait for nothing", p.waiting)
	}
	return p.held
}

type require interface {
	Errorf(string, ...any)
	Fatal(...any)
}

// unpack returns the records in the blobs.
func (b blobs) unpack() (map[string]string, error) {
	got := map[string]string{}
	u := unpacker{emit: func(key, value []byte) error {
		got[string(key)] = string(value)
		return nil
	}}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		k, err := decodeBlobKey([]byte(key))
		if err != nil {
			return nil, err
		}
		if _, err := u.add(k, []byte(key), b[key]); err != nil {
			return nil, err
		}
	}
	return got, u.end()
}

func recordKey(kind byte, n uint64) []byte {
	return group{kind, n >> groupBits}.appendRecordKey(nil, uint16(n%groupSize))
}

// What several checkpoints put is read back: the youngest of each record, and
// none that was removed.
func TestPackedRecordsAreUnpacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, want := blobs{}, map[string]string{}
		for number := range rapid.Uint64Range(1, 4).Draw(t, "checkpoints") {
			var records []datatree.Record
			for _, n := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, 3*groupSize-1), 0, 60, rapid.ID).Draw(t, "numbers") {
				kind := byte(nodeKind)
				if n%3 == 0 {
					kind = sessionKind
				}
				r := datatree.Record{Key: recordKey(kind, n)}
				switch size := rapid.SampledFrom([]int{-1, 0, 1, 100, 4000, blobSize - 40, blobSize, 3*blobSize + 7}).Draw(t, "size"); size {
				case -1:
					delete(want, string(r.Key))
				default:
					r.Value = bytes.Repeat([]byte{byte(n), byte(number)}, size/2+1)[:size]
					want[string(r.Key)] = string(r.Value)
				}
				records = append(records, r)
			}
			held := b.pack(t, number+1, records)
			for g, h := range held.groups {
				for _, blob := range h.blobs {
					if got := b[string(blobKey{g, blob.number, blob.part}.append(nil))]; len(got) != int(blob.size) {
						t.Errorf("a blob of %d bytes is held as one of %d", len(got), blob.size)
					}
				}
			}
		}
		if got, err := b.unpack(); err != nil || !maps.Equal(got, want) {
			t.Fatalf("%d records, want %d, or they differ; %v", len(got), len(want), err)
		}
	})
}

// Little waits for its blob to fill, however many groups there are.
func TestPackerKeepsLittle(t *testing.T) {
	p := newPacker(1, func(_, _ []byte) error { return nil })
	value := make([]byte, 1000)
	for i := range uint64(20_000) {
		g, index := place(recordKey(nodeKind, i*groupSize%(1<<31)))
		if err := p.add(g, index, value); err != nil {
			t.Fatal(err)
		}
		if p.waiting > maxPacking {
			t.Fatalf("%d bytes wait", p.waiting)
		}
	}
}

// threeParts is a long record, a removal and a short one of a group.
func threeParts(t *testing.T) blobs {
	b := blobs{}
	b.pack(t, 5, []datatree.Record{
		{Key: recordKey(nodeKind, 1), Value: bytes.Repeat([]byte("long"), blobSize/2)},
		{Key: recordKey(nodeKind, 2)},
		{Key: recordKey(sessionKind, 3), Value: []byte("1234")},
	})
	if len(b) != 5 {
		t.Fatalf("%d blobs, want 4 of a node and 1 of a session", len(b))
	}
	return b
}

// A flipped bit, a cut, a missing blob, one under another's key: no damage goes
// unseen. (A blob that is missing with all that are younger shows in the totals.)
func TestDamagedBlobs(t *testing.T) {
	sound := threeParts(t)
	keys := slices.Sorted(maps.Keys(sound))
	refused := func(what string, b blobs) {
		t.Helper()
		if _, err := b.unpack(); !errors.Is(err, datatree.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i, key := range keys {
		for at := 0; at < len(sound[key]); at += 1 + len(sound[key])/300 {
			b := maps.Clone(sound)
			b[key] = bytes.Clone(sound[key])
			b[key][at] ^= 0x10
			refused("flip", b)
			b[key] = sound[key][:at]
			refused("cut", b)
		}
		b := maps.Clone(sound)
		b[key] = sound[keys[(i+1)%len(keys)]]
		refused("under another's key", b)
	}
	for _, key := range keys[:len(keys)-2] {
		b := maps.Clone(sound)
		delete(b, key)
		refused("missing", b)
	}
	b := maps.Clone(sound)
	b["n short"] = nil
	refused("short key", b)
	b = maps.Clone(sound)
	b[string(blobKey{group{nodeKind, 1 << 20}, 1, 0}.append(nil))] = sealBlob(make([]byte, 4), nil, 0)
	refused("impossible group", b)
}

// Blobs that hold only whole records: that one is missing shows in the others.
func TestMissingParts(t *testing.T) {
	sound := blobs{}
	var records []datatree.Record
	for i := range uint64(200) {
		records = append(records, datatree.Record{Key: recordKey(nodeKind, i), Value: make([]byte, 1000)})
	}
	sound.pack(t, 1, records)
	keys := slices.Sorted(maps.Keys(sound))
	if len(keys) < 4 {
		t.Fatalf("%d blobs", len(keys))
	}
	for _, key := range keys[:len(keys)-1] {
		b := maps.Clone(sound)
		delete(b, key)
		if _, err := b.unpack(); !errors.Is(err, datatree.ErrCorrupt) || !strings.Contains(err.Error(), "the part before is missing") {
			t.Errorf("without %q: %v", key, err)
		}
	}
}

// seal makes a blob of content as the only one of a group.
func seal(content []byte, records int) blobs {
	key := blobKey{group{nodeKind, 0}, 1, 0}.append(nil)
	return blobs{string(key): sealBlob(append(make([]byte, blobHead), content...), key, records)}
}

func TestImpossibleContent(t *testing.T) {
	for what, b := range map[string]blobs{
		"more records than there are":  seal(appendRecord(nil, 1, []byte("x")), 2),
		"fewer records than there are": seal(appendRecord(appendRecord(nil, 1, []byte("x")), 2, nil), 1),
		"twice the same":               seal(appendRecord(appendRecord(nil, 1, []byte("x")), 1, nil), 2),
		"number beyond the group":      seal(binary.AppendUvarint(nil, groupSize), 1),
		"endless number":               seal(bytes.Repeat([]byte{0x80}, 20), 1),
		"endless length":               seal(append([]byte{1}, bytes.Repeat([]byte{0xff}, 20)...), 1),
		"length beyond the end":        seal(binary.AppendUvarint([]byte{1}, 1<<63), 1),
	} {
		if _, err := b.unpack(); !errors.Is(err, datatree.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestBlobKeysSortYoungestFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) blobKey {
			return blobKey{
				group{rapid.SampledFrom([]byte{nodeKind, sessionKind}).Draw(t, name), rapid.Uint64Range(0, 3).Draw(t, name)},
				rapid.Uint64Range(1, 3).Draw(t, name), rapid.Uint32Range(0, 3).Draw(t, name),
			}
		}
		a, b := draw("a"), draw("b")
		want := a.group.compare(b.group)
		if want == 0 && a.number != b.number {
			want = 1
			if a.number > b.number {
				want = -1
			}
		} else if want == 0 {
			want = int(a.part) - int(b.part)
		}
		if got := bytes.Compare(a.append(nil), b.append(nil)); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Errorf("%v and %v: %d", a, b, got)
		}
		if k, err := decodeBlobKey(a.append(nil)); err != nil || k != a {
			t.Errorf("%v: %v, %v", a, k, err)
		}
	})
}

func TestHeads(t *testing.T) {
	h := head{7, totals{8, 9}, []byte("meta")}
	b := h.encode()
	if got, err := decodeHead(b); err != nil || got.number != 7 || got.totals != h.totals || string(got.meta) != "meta" {
		t.Errorf("%+v, %v", got, err)
	}
	for at := range b {
		c := bytes.Clone(b)
		c[at] ^= 1
		if _, err := decodeHead(c); err == nil {
			t.Errorf("a flip at %d is not seen", at)
		}
		if _, err := decodeHead(b[:at]); err == nil {
			t.Errorf("a cut at %d is not seen", at)
		}
	}
	for found, b := range map[int][]byte{1: make([]byte, 8), 3: append([]byte{3}, make([]byte, 60)...), 0: make([]byte, 40)} {
		var f *FormatError
		if _, err := decodeHead(b); !errors.As(err, &f) || f.Found != found || !strings.Contains(err.Error(), "reads format 2") {
			t.Errorf("format %d: %v", found, err)
		}
	}
}

// Any sequence of blobs ends in records or in an error.
func FuzzUnpack(f *testing.F) {
	key := blobKey{group{nodeKind, 0}, 1, 0}.append(nil)
	two := appendRecord(appendRecord(nil, 1, []byte("x")), 2, nil)
	f.Add([]byte{}, uint16(0), []byte{}, uint16(0), true)
	f.Add(two, uint16(2), two, uint16(2), false)
	f.Add(two[:3], uint16(1), two[3:], uint16(1), true)
	f.Add(appendRecord(nil, 4095, make([]byte, 300))[:200], uint16(0), make([]byte, 105), uint16(1), true)
	f.Fuzz(func(t *testing.T, a []byte, n uint16, b []byte, m uint16, parts bool) {
		second := blobKey{group{nodeKind, 0}, 0, 0}
		if parts {
			second = blobKey{group{nodeKind, 0}, 1, 1}
		}
		key2 := second.append(nil)
		all := blobs{
			string(key):  sealBlob(append(make([]byte, blobHead), a...), key, int(n)),
			string(key2): sealBlob(append(make([]byte, blobHead), b...), key2, int(m)),
		}
		got, err := all.unpack()
		if err != nil && !errors.Is(err, datatree.ErrCorrupt) {
			t.Fatal(err)
		}
		if len(got) > int(n)+int(m) {
			t.Fatalf("%d records of %d and %d", len(got), n, m)
		}
	})
}
