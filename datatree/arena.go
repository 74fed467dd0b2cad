package datatree

// An arena keeps byte blocks in pages that hold no pointers: the garbage
// collector sees one object for some hundreds of nodes. A page holds blocks of
// one size class; a page whose last block is freed serves any class again, and
// beyond a small reserve its memory goes back to the runtime. Blocks above the
// largest class are slices of their own.
type arena struct {
	pages   []page
	partial [len(classSize)]uint32 // first page with a free block, by class; 0 is none
	empty   []uint32               // pages without a class
	spare   []*[pageSize]byte      // memory of empty pages, at most maxSpare
	big     [][]byte
	bigFree []uint32
}

// A page's free blocks are a list through their first two bytes.
type page struct {
	mem        *[pageSize]byte
	next, prev uint32 // in the list of partial pages of its class
	class      uint8
	partial    bool
	live       uint16 // blocks in use
	free       uint16 // first free block, as unit+1; 0 is none
	fresh      uint32 // offset of the first byte no block has used
}

const (
	pageSize  = 1 << 16
	unitShift = 3
	pageUnits = pageSize >> unitShift
	unitBits  = 13
	maxSpare  = 16
	maxPages  = 1 << (31 - unitBits)

	largestClass = pageSize / 2
	smallLimit   = 2048
)

// A block names memory in an arena: a page and an offset in units of 8 bytes,
// or with the top bit set a slice of its own. 0 is no block.
type block uint32

const bigBlock block = 1 << 31

// classSize holds the block sizes: the waste is at most 7 bytes up to 128, an
// eighth above, and above 2048 what divides a page evenly.
var classSize = [...]uint16{
	8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128,
	144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480, 512,
	576, 640, 704, 768, 832, 896, 960, 1024, 1152, 1280, 1408, 1536, 1664, 1792, 1920, 2048,
	2336, 2728, 3120, 3640, 4096, 4680, 5456, 6552, 8192, 9360, 10920, 13104, 16384, 21840, largestClass,
}

// smallClass maps a size up to smallLimit, in units rounded up, to its class.
var smallClass = func() (m [smallLimit>>unitShift + 1]uint8) {
	c := 0
	for u := range m {
		for int(classSize[c]) < u<<unitShift {
			c++
		}
		m[u] = uint8(c)
	}
	return m
}()

func classOf(size int) int {
	if size <= smallLimit {
		return int(smallClass[(size+7)>>unitShift])
	}
	c := int(smallClass[len(smallClass)-1]) + 1
	for int(classSize[c]) < size {
		c++
	}
	return c
}

// alloc returns a block of at least size bytes; what they hold is undefined.
func (a *arena) alloc(size int) block {
	if size > largestClass {
		return a.allocBig(size)
	}
	c := classOf(size)
	p := a.partial[c]
	if p == 0 {
		if p = a.newPage(c); p == 0 {
			return a.allocBig(size)
		}
	}
	return block(p)<<unitBits | block(a.take(p))
}

// take takes a block of page p and returns its unit.
func (a *arena) take(p uint32) uint32 {
	pg := &a.pages[p]
	pg.live++
	size := uint32(classSize[pg.class])
	var unit uint32
	if pg.free != 0 {
		unit = uint32(pg.free - 1)
		off := unit << unitShift
		pg.free = uint16(pg.mem[off]) | uint16(pg.mem[off+1])<<8
	} else {
		unit = pg.fresh >> unitShift
		pg.fresh += size
	}
	if pg.free == 0 && pg.fresh+size > pageSize {
		a.unlink(p)
	}
	return unit
}

// newPage makes an empty page one of class c. It returns 0 when all page
// numbers are in use.
func (a *arena) newPage(c int) uint32 {
	var p uint32
	if n := len(a.empty); n > 0 {
		p = a.empty[n-1]
		a.empty = a.empty[:n-1]
	} else {
		if len(a.pages) == 0 {
			a.pages = append(a.pages, page{})
		}
		if len(a.pages) == maxPages {
			return 0
		}
		p = uint32(len(a.pages))
		a.pages = append(a.pages, page{})
	}
	a.pages[p] = page{mem: a.pageMemory(), class: uint8(c)}
	a.link(p)
	return p
}

func (a *arena) pageMemory() *[pageSize]byte {
	n := len(a.spare)
	if n == 0 {
		return new([pageSize]byte)
	}
	m := a.spare[n-1]
	a.spare = a.spare[:n-1]
	return m
}

func (a *arena) link(p uint32) {
	pg := &a.pages[p]
	head := &a.partial[pg.class]
	pg.next, pg.prev, pg.partial = *head, 0, true
	if *head != 0 {
		a.pages[*head].prev = p
	}
	*head = p
}

func (a *arena) unlink(p uint32) {
	pg := &a.pages[p]
	if pg.prev != 0 {
		a.pages[pg.prev].next = pg.next
	} else {
		a.partial[pg.class] = pg.next
	}
	if pg.next != 0 {
		a.pages[pg.next].prev = pg.prev
	}
	pg.partial = false
}

// release gives a block back.
func (a *arena) release(b block) {
	if b&bigBlock != 0 {
		i := uint32(b &^ bigBlock)
		a.big[i] = nil
		a.bigFree = append(a.bigFree, i)
		return
	}
	p, unit := uint32(b>>unitBits), uint32(b)&(pageUnits-1)
	pg := &a.pages[p]
	pg.live--
	if pg.live == 0 {
		a.releasePage(p)
		return
	}
	off := unit << unitShift
	pg.mem[off], pg.mem[off+1] = byte(pg.free), byte(pg.free>>8)
	pg.free = uint16(unit + 1)
	if !pg.partial {
		a.link(p)
	}
}

func (a *arena) releasePage(p uint32) {
	pg := &a.pages[p]
	if pg.partial {
		a.unlink(p)
	}
	if len(a.spare) < maxSpare {
		a.spare = append(a.spare, pg.mem)
	}
	*pg = page{}
	a.empty = append(a.empty, p)
}

func (a *arena) allocBig(size int) block {
	mem := make([]byte, size)
	if n := len(a.bigFree); n > 0 {
		i := a.bigFree[n-1]
		a.bigFree = a.bigFree[:n-1]
		a.big[i] = mem
		return bigBlock | block(i)
	}
	a.big = append(a.big, mem)
	return bigBlock | block(len(a.big)-1)
}

// bytes returns the whole block, which may be longer than was asked for.
func (a *arena) bytes(b block) []byte {
	if b&bigBlock != 0 {
		return a.big[b&^bigBlock]
	}
	pg := &a.pages[b>>unitBits]
	off := (uint32(b) & (pageUnits - 1)) << unitShift
	return pg.mem[off : off+uint32(classSize[pg.class])]
}

// fits reports whether a block of this size would be no better a home for size
// bytes than b is.
func (a *arena) fits(b block, size int) bool {
	if b&bigBlock != 0 {
		n := len(a.big[b&^bigBlock])
		return size <= n && size > largestClass && size >= n-n/4
	}
	return size <= largestClass && classOf(size) == int(a.pages[b>>unitBits].class)
}
