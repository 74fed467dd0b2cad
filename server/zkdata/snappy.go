package zkdata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// The framing of snappy-java's SnappyOutputStream; see the package comment.
const (
	snappyMagic   = "\x82SNAPPY\x00"
	snappyVersion = 1
	snappyHeader  = len(snappyMagic) + 8
	// snappyMost bounds a chunk and what it holds. Writers put 32 KiB into one
	// unless they are told otherwise.
	snappyMost = 16 << 20
	// snappyRatio is the most that Snappy makes of a byte: copies of 64 take three.
	snappyRatio = 22
)

var errSnappy = errors.New("snappy")

// A snappyReader reads what was compressed in that framing.
type snappyReader struct {
	in    io.Reader
	chunk bytes.Buffer // compressed
	room  []byte
	data  []byte // decompressed and not read yet
	err   error
}

func newSnappyReader(in io.Reader) (*snappyReader, error) {
	var h [snappyHeader]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return nil, fmt.Errorf("%w: header: %w", errSnappy, unexpected(err))
	}
	lowest := binary.BigEndian.Uint32(h[len(snappyMagic)+4:])
	if string(h[:len(snappyMagic)]) != snappyMagic || lowest > snappyVersion {
		return nil, fmt.Errorf("%w: it begins with %x", errSnappy, h)
	}
	return &snappyReader{in: in}, nil
}

func (s *snappyReader) Read(p []byte) (int, error) {
	for len(s.data) == 0 && s.err == nil {
		s.data, s.err = s.next()
	}
	if len(s.data) == 0 {
		return 0, s.err
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

// next decompresses the next chunk; io.EOF behind the last.
func (s *snappyReader) next() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(s.in, length[:]); err != nil {
		return nil, err // io.EOF if there is nothing
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > snappyMost {
		return nil, fmt.Errorf("%w: chunk of %d bytes", errSnappy, n)
	}
	s.chunk.Reset() // grows as the bytes come, so that a length alone takes no memory
	if _, err := io.CopyN(&s.chunk, s.in, n); err != nil {
		return nil, unexpected(err)
	}
	size, err := s2.DecodedLen(s.chunk.Bytes())
	if err != nil || size > snappyMost || size > snappyRatio*len(s.chunk.Bytes()) {
		return nil, fmt.Errorf("%w: chunk that would hold %d bytes (%v)", errSnappy, size, err)
	}
	if size > cap(s.room) {
		s.room = make([]byte, size)
	}
	out, err := s2.Decode(s.room[:size], s.chunk.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSnappy, err)
	}
	return out, nil
}
