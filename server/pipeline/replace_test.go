package pipeline

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// restored is a tree that stands well behind the old one.
func restored(old *datatree.Tree) *datatree.Tree {
	tree := datatree.New()
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: old.LastZxid() + 100, Op: wire.OpError}, &wire.ErrorTxn{})
	tree.Apply(&txn)
	return tree
}

// A tree may be replaced while everybody is busy: all connections end, what was
// under way is done, what waited is dropped, and the server goes on.
func TestReplaceUnderLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		r.log.stall = func() { time.Sleep(3 * time.Millisecond) }
		var busy sync.WaitGroup
		var peers []*peer
		for range 6 {
			p := r.connect(10_000)
			peers = append(peers, p)
			busy.Go(func() {
				for {
					b := encode(call{1, wire.OpSetData, set("/", "x")}, call{2, wire.OpGetData, get("/", true)})
					if _, _, err := p.c.Handle(b, r.core.Now()); err != nil {
						return
					}
					p.c.Flush(true)
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		err := r.core.Replace(func(old *datatree.Tree) (*datatree.Tree, error) {
			time.Sleep(50 * time.Millisecond) // more requests come
			return restored(old), nil
		})
		if err != nil {
			t.Error(err)
		}
		busy.Wait()
		for _, p := range peers {
			p.c.Gone()
		}
		time.Sleep(time.Second)
		r.leftovers(t, 0)
		r.log.stall = nil
		next := r.connect(10_000)
		next.send(call{1, wire.OpCreate, create("/a")})
		if got := next.take(); len(got) != 1 || got[0].h.Err != wire.OK || got[0].h.Zxid < 100 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// When it fails everything goes on as if nothing had been, and in order.
func TestReplaceThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		failed := errors.New("no")
		result := make(chan error)
		go func() {
			result <- r.core.Replace(func(*datatree.Tree) (*datatree.Tree, error) {
				time.Sleep(time.Second)
				return nil, failed
			})
		}()
		synctest.Wait()
		for xid := range wire.Xid(20) {
			p.send(call{xid, wire.OpSetData, set("/", "x")})
		}
		if err := <-result; !errors.Is(err, failed) {
			t.Error(err)
		}
		got := p.take()
		if len(got) != 20 {
			t.Fatalf("%d of 20 answered", len(got))
		}
		for i, f := range got {
			if f.h.Xid != wire.Xid(i) || f.h.Err != wire.OK {
				t.Errorf("answer %d: %+v", i, f.h)
			}
		}
	})
}

// One that leaves disk and memory apart stops the core, and nobody waits for it.
func TestReplaceThatIsFatal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		fatal := &Fatal{Err: errors.New("half done")}
		if err := r.core.Replace(func(*datatree.Tree) (*datatree.Tree, error) { return nil, fatal }); !errors.Is(err, fatal) {
			t.Error(err)
		}
		<-r.done
		if !errors.Is(r.err, fatal.Err) {
			t.Errorf("the core ended with %v", r.err)
		}
		if err := r.core.Replace(nil); !errors.Is(err, ErrStopped) {
			t.Errorf("of a stopped core: %v", err)
		}
		if r.core.Call(func() {}) {
			t.Error("a stopped core runs things")
		}
		r.stop()
	})
}

// The core ends only when what was handed in is done, also what a replacement held
// up.
func TestStopDuringReplace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		p := r.connect(10_000)
		go func() {
			_ = r.core.Replace(func(*datatree.Tree) (*datatree.Tree, error) {
				time.Sleep(time.Second)
				return nil, context.Canceled
			})
		}()
		synctest.Wait()
		p.send(call{1, wire.OpSetData, set("/", "x")})
		r.close()
		if r.err != nil {
			t.Error(r.err)
		}
		if n := r.core.Outstanding(); n != 0 {
			t.Errorf("%d outstanding", n)
		}
	})
}
