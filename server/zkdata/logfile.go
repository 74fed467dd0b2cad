package zkdata

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"

	"github.com/zabra/zabra/wire"
)

// ZooKeeper's log file; see the package comment.
const (
	logMagic      = 0x5a4b4c47 // ZKLG
	logVersion    = 2
	logFrame      = 8 // magic and version
	logHeader     = 16
	recordHeader  = 12
	recordEnd     = 'B'
	minPayload    = 32 // a TxnHeader
	maxPayload    = 256 << 20
	readBuffer    = 64 << 10
	remedyPutBack = "put back the file as it was, or import the directory of another member of the ensemble"
)

// A LogRecord is a transaction in a log file.
type LogRecord struct {
	Offset  int64 // of its record in the file
	Zxid    wire.Zxid
	Payload []byte // valid until the next record is read
}

// A TornTail is what was being written when the machine stopped. None of it was
// acknowledged.
type TornTail struct {
	File   string
	Offset int64 // where the intact part ends
	Bytes  int64 // from there to the last byte that is not zero
}

func (t *TornTail) String() string {
	return fmt.Sprintf("%s: torn at offset %d, %d bytes", t.File, t.Offset, t.Bytes)
}

// A LogReader reads the transactions of one log file of ZooKeeper's, in order.
type LogReader struct {
	name string
	r    io.ReaderAt
	size int64

	in      *bufio.Reader
	off     int64 // of the next record
	last    wire.Zxid
	payload []byte
	torn    *TornTail
	done    error // what Next returns from now on
}

// NewLogReader returns a reader of a file of that size. The name is for messages. The
// error is a *DamageError, or one of r.
func NewLogReader(name string, r io.ReaderAt, size int64) (*LogReader, error) {
	l := &LogReader{name: name, r: r, size: size, off: logHeader, last: wire.NoZxid}
	if err := l.readHeader(); err != nil {
		return nil, err
	}
	l.in = bufio.NewReaderSize(io.NewSectionReader(r, l.off, max(size-l.off, 0)), readBuffer)
	return l, nil
}

// readHeader also takes a file that got its name and nothing else.
func (l *LogReader) readHeader() error {
	var h [logHeader]byte
	n, err := l.r.ReadAt(h[:min(logHeader, l.size)], 0)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	begun := appendLogHeader(nil)
	if written := bytes.TrimRight(h[:n], "\x00"); len(written) < logFrame && bytes.HasPrefix(begun, written) {
		l.off = 0
		l.done = l.judge()
		return nil
	}
	if !bytes.Equal(h[:logFrame], begun[:logFrame]) {
		return l.damaged(0, fmt.Sprintf("it does not begin as a log of ZooKeeper does (%x)", h[:n]))
	}
	return nil
}

func (l *LogReader) damaged(off int64, problem string) *DamageError {
	return &DamageError{l.name, off, problem, remedyPutBack}
}

// Torn is the torn tail that was met, or nil.
func (l *LogReader) Torn() *TornTail { return l.torn }

// Offset is where the intact part that has been read ends.
func (l *LogReader) Offset() int64 { return l.off }

// Next returns the next transaction, or io.EOF behind the last intact one. Another
// error is a *DamageError, or one of the disk.
func (l *LogReader) Next() (LogRecord, error) {
	if l.done == nil {
		rec, whole, err := l.read()
		if err == nil && whole {
			return rec, nil
		}
		if err == nil {
			err = l.judge()
		}
		l.done = err
	}
	return LogRecord{}, l.done
}

// read reads the record at l.off. It is not whole if it is not one.
func (l *LogReader) read() (rec LogRecord, whole bool, err error) {
	h, err := l.in.Peek(recordHeader)
	if err != nil {
		return rec, false, ignoreEOF(l.name, err)
	}
	sum, n := binary.BigEndian.Uint64(h), int64(int32(binary.BigEndian.Uint32(h[8:])))
	if n < minPayload || n > maxPayload || n > l.size-l.off-recordHeader-1 {
		return rec, false, nil
	}
	if int64(cap(l.payload)) < n+1 {
		l.payload = make([]byte, n+1)
	}
	b := l.payload[:n+1]
	_, _ = l.in.Discard(recordHeader)
	if _, err := io.ReadFull(l.in, b); err != nil {
		return rec, false, ignoreEOF(l.name, err)
	}
	if b[n] != recordEnd || uint64(adler32.Checksum(b[:n])) != sum {
		return rec, false, nil
	}
	rec = LogRecord{Offset: l.off, Zxid: zxidOf(b), Payload: b[:n:n]}
	l.off += recordHeader + n + 1
	l.last = rec.Zxid
	return rec, true, nil
}

// zxidOf is the zxid in a TxnHeader.
func zxidOf(payload []byte) wire.Zxid { return wire.Zxid(binary.BigEndian.Uint64(payload[12:])) }

func ignoreEOF(name string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
