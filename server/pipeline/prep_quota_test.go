package pipeline

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// quota puts a quota on /p, which must exist.
func (r *rig) quota(limits string) {
	r.t.Helper()
	r.mk("/zookeeper/quota/p")
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/zookeeper/quota/p/zookeeper_limits", Data: []byte(limits), ACL: open})
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/zookeeper/quota/p/zookeeper_stats", Data: []byte("count=0,bytes=0"), ACL: open})
}

func (r *rig) setSize(path string, n int) wire.Code {
	code, _ := r.ask(wire.OpSetData, &wire.SetDataRequest{Path: path, Data: make([]byte, n), Version: -1})
	return code
}

func TestHardCountQuota(t *testing.T) {
	r := newRig(t, PrepareOptions{EnforceQuota: true})
	r.mk("/p")
	r.quota("count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=4")
	r.mk("/p/1", "/p/2")
	// The check does not add up what one multi does.
	if _, codes := r.multi(mop(wire.OpCreate, createBody("/p/3", 0)), mop(wire.OpCreate, createBody("/p/4", 0))); !slices.Equal(codes, []wire.Code{0, 0}) {
		t.Errorf("two creates in one multi: %v", codes)
	}
	r.mustAsk(wire.QuotaExceeded, wire.OpCreate, createBody("/p/5", 0))
	r.mustAsk(wire.NodeExists, wire.OpCreate, createBody("/p/4", 0))
	r.mustAsk(wire.OK, wire.OpDelete, versioned("/p/1", -1))
	r.mustAsk(wire.OK, wire.OpDelete, versioned("/p/2", -1))
	r.mk("/p/5")
	if _, codes := r.multi(mop(wire.OpCreate, createBody("/p/6", 0)), mop(wire.OpDelete, versioned("/p/5", -1))); codes[0] != wire.QuotaExceeded {
		t.Errorf("create in a multi: %v", codes)
	}
	r.mk("/q")
}

func TestHardByteQuota(t *testing.T) {
	r := newRig(t, PrepareOptions{EnforceQuota: true})
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/p", ACL: open})
	r.quota("count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=-1")
	if code := r.setSize("/p", 100); code != wire.OK {
		t.Errorf("up to the limit: %v", code)
	}
	if code := r.setSize("/p", 101); code != wire.QuotaExceeded {
		t.Errorf("beyond the limit: %v", code)
	}
	r.mustAsk(wire.QuotaExceeded, wire.OpCreate, createBody("/p/x", 0))
	r.mustAsk(wire.QuotaExceeded, wire.OpSetData, &wire.SetDataRequest{Path: "/p", Data: make([]byte, 200), Version: 77}) // before the version
	if code := r.setSize("/p", 10); code != wire.OK {
		t.Errorf("below: %v", code)
	}
	r.mk("/p/x")
}

func TestQuotaIsNotEnforcedUnlessAsked(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/p")
	r.quota("count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1")
	r.mk("/p/1")
	if w := r.p.TakeWarnings(); len(w) != 1 || w[0] != (QuotaWarning{"/p", "countHardLimit", 1, 2}) {
		t.Errorf("warnings %+v", w)
	}
}

func TestSoftQuotaWarns(t *testing.T) {
	r := newRig(t, PrepareOptions{EnforceQuota: true})
	r.mk("/p")
	r.quota("count=2,bytes=10")
	r.p.TakeWarnings()
	r.mk("/p/1")
	if w := r.p.TakeWarnings(); len(w) != 0 {
		t.Errorf("warnings within the limits: %+v", w)
	}
	r.mk("/p/2")
	want := []QuotaWarning{{"/p", "count", 2, 3}, {"/p", "bytes", 10, 12}}
	if w := r.p.TakeWarnings(); !slices.Equal(w, want) {
		t.Errorf("got %+v, want %+v", w, want)
	}
	for range 100 {
		r.setSize("/p", 50)
		r.setSize("/p", 51)
	}
	if w := r.p.TakeWarnings(); len(w) != keepWarnings {
		t.Errorf("%d warnings are kept", len(w))
	}
}

// What is there is what is applied, but the size a write takes away is that of
// the data it will replace. So it is in ZooKeeper.
func TestByteQuotaWithWritesUnderWay(t *testing.T) {
	r := newRig(t, PrepareOptions{EnforceQuota: true})
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/p", Data: make([]byte, 10), ACL: open})
	r.quota("count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=-1")
	set := func(path string, n int) wire.Code {
		return r.inFlight(wire.OpSetData, &wire.SetDataRequest{Path: path, Data: make([]byte, n), Version: -1})
	}
	if code := set("/p", 101); code != wire.QuotaExceeded {
		t.Errorf("91 more bytes: %v", code)
	}
	if code := set("/p", 100); code != wire.OK {
		t.Errorf("90 more bytes: %v", code)
	}
	if code := set("/p", 101); code != wire.OK {
		t.Errorf("1 more byte: %v", code)
	}
	if code := r.inFlight(wire.OpCreate, &wire.CreateRequest{Path: "/p/x", Data: make([]byte, 90), ACL: open}); code != wire.OK {
		t.Errorf("create: %v", code)
	}
	if code := set("/p/x", 91); code != wire.OK {
		t.Errorf("1 more byte in a node under way: %v", code)
	}
	r.apply(len(r.pending))
	r.mustAsk(wire.QuotaExceeded, wire.OpCreate, createBody("/p/y", 0))
}
