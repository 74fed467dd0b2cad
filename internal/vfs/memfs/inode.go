package memfs

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

const (
	pageSize   = 4096
	sectorSize = 512
)

// A page is never changed once others can see it, so that clones share pages.
// nil stands for zeros.
type page = [pageSize]byte

// image is the content of a file: ⌈size/pageSize⌉ pages. Bytes of the last page
// behind size are zero.
type image struct {
	size  int64
	pages []*page
}

func (im *image) clone() image { return image{im.size, slices.Clone(im.pages)} }

func (im *image) resize(size int64) {
	n := int((size + pageSize - 1) / pageSize)
	if size < im.size {
		im.pages = im.pages[:n]
		if in := size % pageSize; in != 0 && im.pages[n-1] != nil {
			p := new(page)
			copy(p[:in], im.pages[n-1][:])
			im.pages[n-1] = p
		}
	}
	for len(im.pages) < n {
		im.pages = append(im.pages, nil)
	}
	im.size = size
}

func (im *image) readAt(p []byte, off int64) int {
	if off >= im.size {
		return 0
	}
	p = p[:min(int64(len(p)), im.size-off)]
	for n := 0; n < len(p); {
		at := off + int64(n)
		chunk := p[n:min(len(p), n+int(pageSize-at%pageSize))]
		if pg := im.pages[at/pageSize]; pg != nil {
			copy(chunk, pg[at%pageSize:])
		} else {
			clear(chunk)
		}
		n += len(chunk)
	}
	return len(p)
}

// writePage puts p into one page, as a new version of it.
func (im *image) writePage(p []byte, off int64) {
	pg := new(page)
	if old := im.pages[off/pageSize]; old != nil {
		*pg = *old
	}
	copy(pg[off%pageSize:], p)
	im.pages[off/pageSize] = pg
}

// inode is a file, whatever its names.
type inode struct {
	mu     sync.RWMutex
	now    image
	synced image
	// since holds for each page the versions that unsynced writes made of it, the
	// oldest first.
	since     map[int64][]*page
	low, high int64 // the sizes reached since the last sync, that one included
}

func newInode() *inode { return &inode{since: map[int64][]*page{}} }

func (n *inode) readAt(p []byte, off int64) int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.now.readAt(p, off)
}

func (n *inode) size() int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.now.size
}

func (n *inode) writeAt(p []byte, off int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if end := off + int64(len(p)); end > n.now.size {
		n.resizeLocked(end)
	}
	for len(p) > 0 {
		chunk := p[:min(len(p), int(pageSize-off%pageSize))]
		n.now.writePage(chunk, off)
		n.remember(off / pageSize)
		p, off = p[len(chunk):], off+int64(len(chunk))
	}
}

func (n *inode) remember(pg int64) {
	n.since[pg] = append(n.since[pg], n.now.pages[pg])
}

func (n *inode) truncate(size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resizeLocked(size)
}

func (n *inode) resizeLocked(size int64) {
	shrunk := size < n.now.size
	n.now.resize(size)
	n.low, n.high = min(n.low, size), max(n.high, size)
	if !shrunk {
		return
	}
	// What was cut off reads as zeros if the file grows again, so that is one
	// more version of each page behind the cut.
	for pg := size / pageSize; pg*pageSize < n.high; pg++ {
		if pg < int64(len(n.now.pages)) {
			n.remember(pg)
		} else {
			n.since[pg] = append(n.since[pg], nil)
		}
	}
}

func (n *inode) sync() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.synced = n.now.clone()
	n.low, n.high = n.now.size, n.now.size
	clear(n.since)
}

func (n *inode) clone() *inode {
	n.mu.RLock()
	defer n.mu.RUnlock()
	out := &inode{now: n.now.clone(), synced: n.synced.clone(), since: maps.Clone(n.since), low: n.low, high: n.high}
	for pg, versions := range out.since {
		out.since[pg] = slices.Clip(versions) // both sides append
	}
	return out
}

// crash returns the file as c finds it.
func (n *inode) crash(c *crash) *inode {
	n.mu.RLock()
	defer n.mu.RUnlock()
	im := n.synced.clone()
	im.resize(c.size(n.low, n.now.size, n.high))
	for pg := range int64(len(im.pages)) {
		if versions := n.since[pg]; len(versions) > 0 {
			im.pages[pg] = c.page(im.pages[pg], versions)
		}
	}
	im.trim() // a version may hold bytes behind the size that is left
	out := newInode()
	out.now, out.synced = im, im.clone()
	out.low, out.high = im.size, im.size
	return out
}

// trim zeroes the bytes of the last page behind size.
func (im *image) trim() {
	in := im.size % pageSize
	if in == 0 || im.pages[len(im.pages)-1] == nil {
		return
	}
	p := new(page)
	copy(p[:in], im.pages[len(im.pages)-1][:])
	im.pages[len(im.pages)-1] = p
}

// crash decides what of the unsynced changes is left.
type crash struct {
	rng   *rand.Rand
	keep  float64 // chance of each sector or change
	unit  int     // bytes that are kept or lost together
	order bool    // directory changes survive as a prefix
}

func newCrash(rng *rand.Rand) *crash {
	c := &crash{rng: rng, unit: sectorSize, order: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 {
		c.unit = pageSize
	}
	switch rng.IntN(6) {
	case 0:
		c.keep = 0
	case 1:
		c.keep = 1
	default:
		c.keep = rng.Float64()
	}
	return c
}

func (c *crash) kept() bool { return c.rng.Float64() < c.keep }

// size picks the size that is left of an unsynced change: the new one, the old
// one's extreme, or a sector boundary in between.
func (c *crash) size(low, now, high int64) int64 {
	if low == high || c.keep == 1 {
		return now
	}
	switch c.rng.IntN(3) {
	case 0:
		return now
	case 1:
		return low
	}
	return min(high, low+c.rng.Int64N((high-low)/sectorSize+1)*sectorSize)
}

// page mixes a page from its synced version and the later ones, a unit at a
// time.
func (c *crash) page(synced *page, versions []*page) *page {
	out := new(page)
	for at := 0; at < pageSize; at += c.unit {
		from := synced
		if c.kept() {
			from = versions[c.pick(len(versions))]
		}
		if from != nil {
			copy(out[at:at+c.unit], from[at:])
		}
	}
	return out
}

// pick prefers the newest version: older ones are left only if writeback ran
// in between.
func (c *crash) pick(n int) int {
	if c.keep == 1 || c.rng.IntN(4) > 0 {
		return n - 1
	}
	return c.rng.IntN(n)
}
