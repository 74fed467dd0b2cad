package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A harm is done to the files of a member that is not running.
type harm struct {
	name string
	do   func(rng *rand.Rand, s *site) (what string)
}

// operators reports whether a file is the operator's, and not the server's.
func operators(name string) bool { return name == "myid" || strings.HasPrefix(name, "zoo.cfg") }

// victim chooses a file of the server's own, each kind as often as the others.
func victim(rng *rand.Rand, s *site) string {
	kinds := map[string][]string{}
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && e.Name() == "zabra-damaged" {
			return fs.SkipDir
		}
		name := e.Name()
		if e.IsDir() || operators(name) || strings.HasSuffix(strings.ToLower(name), "lock") {
			return nil
		}
		kind := name
		if dir := filepath.Base(filepath.Dir(path)); dir == "zabra-log" || dir == "zabra-store" {
			kind = dir + filepath.Ext(name)
			if dir == "zabra-log" {
				kind = dir
			}
		}
		kinds[kind] = append(kinds[kind], path)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	list := kinds[names[rng.IntN(len(names))]]
	return list[rng.IntN(len(list))]
}

// used is an offset in a file, most likely of a byte that is not zero.
func used(rng *rand.Rand, b []byte) int {
	at := rng.IntN(len(b))
	for range 200 {
		if b[at] != 0 {
			break
		}
		at = rng.IntN(len(b))
	}
	return at
}

// edit changes a file of at least one byte.
func edit(rng *rand.Rand, s *site, f func(b []byte) ([]byte, string)) string {
	name := victim(rng, s)
	b, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(b) == 0 {
		return name + " is empty as it is"
	}
	b, what := f(b)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return what + " " + name
}

func remove(s *site, name string) string {
	if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
	return "removed " + name
}

var harms = []harm{
	{"flip", func(rng *rand.Rand, s *site) string {
		return edit(rng, s, func(b []byte) ([]byte, string) {
			at := used(rng, b)
			b[at] ^= 1 << rng.IntN(8)
			return b, fmt.Sprintf("flipped a bit at %d of", at)
		})
	}},
	{"flip many", func(rng *rand.Rand, s *site) string {
		return edit(rng, s, func(b []byte) ([]byte, string) {
			for range 1 + len(b)/500 {
				b[used(rng, b)] ^= 1 << rng.IntN(8)
			}
			return b, "flipped many bits of"
		})
	}},
	{"zero", func(rng *rand.Rand, s *site) string {
		return edit(rng, s, func(b []byte) ([]byte, string) {
			at := used(rng, b) &^ 511
			clear(b[at:min(at+512, len(b))])
			return b, fmt.Sprintf("zeroed the sector at %d of", at)
		})
	}},
	{"cut", func(rng *rand.Rand, s *site) string {
		return edit(rng, s, func(b []byte) ([]byte, string) {
			at := used(rng, b)
			return b[:at], fmt.Sprintf("cut at %d", at)
		})
	}},
	{"empty", func(rng *rand.Rand, s *site) string {
		return edit(rng, s, func([]byte) ([]byte, string) { return nil, "emptied" })
	}},
	{"lose a file", func(rng *rand.Rand, s *site) string {
		name := victim(rng, s)
		if err := os.Remove(name); err != nil {
			s.t.Fatal(err)
		}
		return "removed " + name
	}},
	{"lose the log", func(_ *rand.Rand, s *site) string { return remove(s, "zabra-log") }},
	{"lose the checkpoint", func(_ *rand.Rand, s *site) string { return remove(s, "zabra-store") }},
	{"lose the epochs", func(_ *rand.Rand, s *site) string {
		return remove(s, "acceptedEpoch") + ", " + remove(s, "currentEpoch")
	}},
	{"lose all", func(_ *rand.Rand, s *site) string {
		names, err := os.ReadDir(s.dir)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range names {
			if !operators(e.Name()) {
				remove(s, e.Name())
			}
		}
		return "removed all"
	}},
}

// A load writes nodes one after the other through whoever serves, and knows which of
// them were acknowledged.
type load struct {
	t    *testing.T
	mu   sync.Mutex
	at   []string // addresses
	done []string // paths acknowledged
}

func (l *load) run(ctx context.Context, id int) {
	for n := 0; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		addr := l.at[(id+n)%len(l.at)]
		l.mu.Unlock()
		dial, cancel := context.WithTimeout(ctx, 2*time.Second)
		c, err := rawclient.Dial(dial, addr, rawclient.Options{Timeout: 5 * time.Second})
		cancel()
		n++
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		for err == nil && ctx.Err() == nil {
			path := fmt.Sprintf("/load-%d-%d", id, n)
			n++
			err = c.Do(wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte(strings.Repeat(path, 8)), ACL: anyone}, &wire.PathResponse{})
			if err == nil {
				l.mu.Lock()
				l.done = append(l.done, path)
				l.mu.Unlock()
			}
			time.Sleep(time.Millisecond)
		}
		c.Close()
	}
}

// serve says where to write.
func (l *load) serve(sites []*site) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = l.at[:0]
	for _, s := range sites {
		l.at = append(l.at, s.addr())
	}
}

// check wants a server to have everything that was acknowledged.
func (l *load) check(s *site, what string) {
	l.t.Helper()
	l.mu.Lock()
	done := slices.Clone(l.done)
	l.mu.Unlock()
	c := s.client()
	defer c.Close()
	if _, err := c.read("/"); err != nil {
		l.t.Fatalf("%s: %v", what, err)
	}
	for _, path := range done {
		if data, _, ok := c.get(path); !ok || data != strings.Repeat(path, 8) {
			l.t.Fatalf("%s: server %s holds %q at %s, which was acknowledged", what, s.dir, data, path)
		}
	}
}

// digests are those of the tree behind some transactions.
func (s *site) digests() map[int64]int64 {
	s.t.Helper()
	var answer struct {
		Digests []struct{ Zxid, Digest int64 }
	}
	if err := json.Unmarshal(s.ask(s.t.(*testing.T), http.MethodGet, "/commands/hash", "", nil).body, &answer); err != nil {
		s.t.Fatal(err)
	}
	m := map[int64]int64{}
	for _, d := range answer.Digests {
		m[d.Zxid] = d.Digest
	}
	return m
}

// Three members under load; one of them is stopped, its files are damaged in one of many
// ways, and it is started. It always serves again, by itself, with the same tree, and
// nothing that was acknowledged is lost, also when the others are gone meanwhile.
func TestAMinorityOfDamagedMembersHeals(t *testing.T) {
	seed := uint64(1) // a change is judged by what it changes
	if os.Getenv("ZABRA_LONG_TESTS") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("ZABRA_HEAL_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("ZABRA_HEAL_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	sites := startEnsemble(t, 3, "preAllocSize=16", "snapCount=500")
	l := &load{t: t}
	l.serve(sites)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for id := range 2 {
		writers.Go(func() { l.run(ctx, id) })
	}
	defer writers.Wait()
	defer stop()
	for round := range long(t, 2*len(harms), 60*len(harms)) {
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		i := rng.IntN(len(sites))
		s, h := sites[i], harms[round%len(harms)]
		s.halt()
		what := fmt.Sprintf("round %d, server %d: %s: %s", round, i+1, h.name, h.do(rng, s))
		t.Log(what)
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
		s.launch()
		l.serve(sites)
		for _, s := range sites {
			s.eventually(what+": all to serve", s.serves)
		}
		if round%5 == 4 { // what the server holds now is enough without one of the others
			other := sites[(i+1)%len(sites)]
			other.halt()
			for _, o := range sites {
				if o != other {
					o.eventually(what+": two of them to serve", o.serves)
				}
			}
			l.check(s, what)
			other.launch()
			l.serve(sites)
			other.eventually(what+": the other to serve again", other.serves)
		}
	}
	stop()
	writers.Wait()
	last := sites[0].client()
	for i := range 400 { // digests are remembered for every 128th
		last.create(fmt.Sprint("/last", i), "x", wire.ModePersistent)
	}
	for _, s := range sites {
		l.check(s, "at the end") // behind a sync
	}
	var common int
	digests := sites[0].digests()
	for _, s := range sites {
		for zxid, digest := range s.digests() {
			if want, ok := digests[zxid]; ok {
				common++
				if digest != want {
					t.Errorf("behind %#x the trees differ", zxid)
				}
			}
		}
	}
	t.Logf("%d writes acknowledged, %d digests compared", len(l.done), common)
	if len(l.done) < 100 || common <= len(digests) {
		t.Error("that proves little")
	}
}
