package server

import (
	"os"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A note of what is decided counts as long as the log holds that very transaction.
func TestDecidedIsNotedForOneHistory(t *testing.T) {
	s := newShelf(t, true)
	d := s.open()
	defer func() { _ = d.close() }()
	if z, err := d.decided(); z != 0 || err != nil {
		t.Errorf("without a note: %v, %v", z, err)
	}
	want := wire.MakeZxid(1, 200)
	if err := d.noteDecided(want); err != nil {
		t.Fatal(err)
	}
	if z, err := d.decided(); z != want || err != nil {
		t.Errorf("noted %v, found %v, %v", want, z, err)
	}
	if err := d.noteDecided(wire.MakeZxid(1, 10_000)); err == nil {
		t.Error("a zxid that the log does not hold is noted")
	}
	note, err := os.ReadFile(s.dirs.Decided())
	if err != nil {
		t.Fatal(err)
	}
	for text, readable := range map[string]bool{
		"0x1000000c8 00000000\n":   true, // of another history
		"0x100002710 00000000\n":   true, // lost since
		"":                         false,
		"nothing":                  false,
		"0xffffffffffffffff 1\n":   false,
		string(note[:len(note)/2]): false,
	} {
		if err := os.WriteFile(s.dirs.Decided(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if z, err := d.decided(); z != 0 || (err == nil) != readable {
			t.Errorf("%q: %v, %v", text, z, err)
		}
	}
}
