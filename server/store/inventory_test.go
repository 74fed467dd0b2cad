package store

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever changes, what is stored stays within three times what lives, and what
// is written anew within twice what was changed, but for fixed amounts.
func TestWearIsBounded(t *testing.T) {
	const groups, size, spare = 60, 100, 1 << 20 // each of up to groupSize records
	for name, next := range map[string]func(r *rand.Rand, i int) (g int, put bool){
		"here and there":   func(r *rand.Rand, _ int) (int, bool) { return r.IntN(groups), true },
		"mostly one group": func(r *rand.Rand, _ int) (int, bool) { return r.IntN(groups) * r.IntN(2) * r.IntN(2), true },
		"create and remove": func(r *rand.Rand, i int) (int, bool) {
			return r.IntN(groups), i/40_000%2 == 0
		},
		"grow": func(_ *rand.Rand, i int) (int, bool) { return i / groupSize % groups, true },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			var live [groups][groupSize]bool
			alive := 0
			held := newInventory()
			var changed, anew, recent int64
			for n, i := uint64(1), 0; n < 150; n++ {
				due := held.worn(2*recent + spare)
				delta := map[group]int{} // records
				bytes := map[group]int{}
				for range 1 << r.IntN(14) {
					g, put := next(r, i)
					k := i % groupSize
					if name != "grow" {
						k = r.IntN(groupSize)
					}
					i++
					if live[g][k] != put {
						live[g][k] = put
						alive += map[bool]int{true: 1, false: -1}[put]
					}
					id := group{nodeKind, uint64(g)}
					delta[id]++
					bytes[id] += map[bool]int{true: size, false: 3}[put]
				}
				recent = 0
				for id := range delta {
					recent += int64(bytes[id])
				}
				for _, records := range delta {
					changed += int64(records)*size + blobCost // a removal counts as a record
				}
				for _, id := range due {
					held.drop(id)
					delta[id] = 0
					for _, l := range live[id.id] {
						if l {
							delta[id]++
						}
					}
					bytes[id] = delta[id] * size
					anew += int64(bytes[id])
				}
				for id, records := range delta {
					if records > 0 {
						held.add(blobKey{id, n, 0}, bytes[id], records)
					}
				}
				if stored, most := int64(held.total.bytes), int64(3*alive*size+groups*2*blobCost+spare); stored > most {
					t.Fatalf("checkpoint %d: %d bytes are stored and %d live", n, stored, alive*size)
				}
				if anew > 2*changed {
					t.Fatalf("checkpoint %d: %d bytes were written anew for %d of changes", n, anew, changed)
				}
			}
			t.Logf("%d bytes live, %d stored; %d changed, %d written anew", alive*size, held.total.bytes, changed, anew)
		})
	}
}

func TestWornWorstFirst(t *testing.T) {
	held := newInventory()
	for g, deltas := range []int{0, 3, 9, 5} {
		id := group{nodeKind, uint64(g)}
		held.add(blobKey{id, 1, 0}, 10_000, 100)
		for n := range deltas {
			held.add(blobKey{id, uint64(n + 2), 0}, 5_000, 50)
		}
	}
	at := func(i uint64) group { return group{nodeKind, i} }
	if got := held.worn(1 << 30); !slices.Equal(got, []group{at(2), at(3), at(1)}) {
		t.Errorf("worn are %v", got)
	}
	if got := held.worn(25_000); !slices.Equal(got, []group{at(2), at(3)}) {
		t.Errorf("within a budget: %v", got)
	}
	if got := held.worn(0); !slices.Equal(got, []group{at(2)}) {
		t.Errorf("without one: %v", got)
	}
}

func TestRemovalsWearAGroup(t *testing.T) {
	held := newInventory()
	id := group{nodeKind, 0}
	held.add(blobKey{id, 1, 0}, 400_000, 4000)
	held.add(blobKey{id, 2, 0}, 6_000, 1900)
	if held.worn(1<<30) != nil {
		t.Error("a group that lives by more than half is worn")
	}
	held.add(blobKey{id, 3, 0}, 600, 200)
	if held.worn(1<<30) == nil {
		t.Error("a group of which more than half was removed is not worn")
	}
}
