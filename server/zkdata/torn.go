package zkdata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"
)

// tornMost is how many bytes a server may have under way, to be synced at once. More
// cannot be a torn tail, and would be more to keep in memory.
const tornMost = 64 << 20

// judge says what it means that there is no whole record at l.off: io.EOF if the file
// ends there, be it with a torn tail, else a *DamageError.
func (l *LogReader) judge() error {
	end, err := l.lastByte()
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if end <= l.off {
		return io.EOF
	}
	if end-l.off > tornMost {
		return l.damaged(l.off, fmt.Sprintf("no record, and %d bytes behind it", end-l.off))
	}
	b := make([]byte, end-l.off)
	if _, err := l.r.ReadAt(b, l.off); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if problem := wholeAfterAll(b); problem != "" {
		return &DamageError{l.name, l.off, problem,
			fmt.Sprintf("%s; if the machine, not only the server, failed while this was written and it is the last file, cut it there: truncate -s %d %s",
				remedyPutBack, l.off, l.name)}
	}
	if at := l.laterRecord(b); at >= 0 {
		return l.damaged(l.off, fmt.Sprintf("no record, and an intact one behind it at offset %d", l.off+at))
	}
	l.torn = &TornTail{File: l.name, Offset: l.off, Bytes: end - l.off}
	return io.EOF
}

// zeros are never written to.
var zeros [readBuffer]byte

// lastByte is the offset behind the last byte from l.off on that is not zero.
func (l *LogReader) lastByte() (int64, error) {
	chunk := make([]byte, readBuffer)
	end := l.off
	for off := l.off; off < l.size; off += readBuffer {
		n, err := l.r.ReadAt(chunk[:min(readBuffer, l.size-off)], off)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if !bytes.Equal(chunk[:n], zeros[:n]) {
			end = off + int64(len(bytes.TrimRight(chunk[:n], "\x00")))
		}
	}
	return end, nil
}

// wholeAfterAll says what is damaged about the record at the beginning of b, if it had
// been written to its end. What is behind b is zeros.
func wholeAfterAll(b []byte) (problem string) {
	if len(b) <= recordHeader {
		return ""
	}
	sum, n := binary.BigEndian.Uint64(b), int64(int32(binary.BigEndian.Uint32(b[8:])))
	payload := b[recordHeader:]
	if n >= minPayload && n < int64(len(payload)) {
		switch right := uint64(adler32.Checksum(payload[:n])) == sum; {
		case payload[n] == recordEnd && !right:
			return "the checksum of the record is wrong"
		case payload[n] != recordEnd && payload[n] != 0 && right:
			return fmt.Sprintf("the record ends with %#02x instead of %#02x", payload[n], recordEnd)
		}
	}
	if at := wholeLength(payload, sum); at >= 0 {
		return fmt.Sprintf("the length of the record is %d and should be %d", n, at)
	}
	return ""
}

// wholeLength is the length at which the payload has the checksum and is followed by
// an end mark, or -1.
func wholeLength(payload []byte, sum uint64) int {
	const mod = 65521
	a, b := uint32(1), uint32(0)
	for i, c := range payload {
		if i >= minPayload && c == recordEnd && uint64(b<<16|a) == sum {
			return i
		}
		a = (a + uint32(c)) % mod
		b = (b + a) % mod
	}
	return -1
}

// searchMost bounds the bytes of which checksums are computed in search of a record.
// Only bytes that somebody arranged want more.
const searchMost = 1 << 30

// laterRecord is where in b, behind its first byte, an intact record of a transaction
// above l.last is; -1 if there is none.
func (l *LogReader) laterRecord(b []byte) int64 {
	budget := int64(searchMost)
	for i := 1; i+recordHeader+minPayload < len(b); i++ {
		sum, n := binary.BigEndian.Uint64(b[i:]), int(int32(binary.BigEndian.Uint32(b[i+8:])))
		if sum == 0 || sum > 0xffffffff || n < minPayload || n >= len(b)-i-recordHeader {
			continue
		}
		payload := b[i+recordHeader:]
		if payload[n] != recordEnd || zxidOf(payload) <= l.last {
			continue
		}
		budget -= int64(n)
		if budget < 0 || uint64(adler32.Checksum(payload[:n])) == sum {
			return int64(i)
		}
	}
	return -1
}
