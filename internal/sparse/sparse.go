package sparse

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
)

// Copy makes the file to, which must not exist, a copy of from and returns its
// size. What reads as zeros may become a hole.
func Copy(to, from string) (size int64, err error) {
	src, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return 0, err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	size = info.Size()
	if err := dst.Truncate(size); err != nil {
		return size, err
	}
	return size, copyParts(dst, src, size)
}

// copyParts copies what is no hole.
func copyParts(dst, src *os.File, size int64) error {
	for at := int64(0); at < size; {
		begin, end, err := part(src, at, size)
		if err != nil {
			return err
		}
		if err := copyPart(dst, src, begin, end); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// part finds the next part, from at on, that may hold something. A system that
// does not know leaves all of it.
func part(f *os.File, at, size int64) (begin, end int64, err error) {
	begin, err = f.Seek(at, seekData)
	if errors.Is(err, syscall.ENXIO) {
		return size, size, nil // nothing but a hole
	}
	if err != nil || seekData == io.SeekStart {
		return at, size, nil
	}
	end, err = f.Seek(begin, seekHole)
	return begin, end, err
}

// copyPart copies a part, without the long runs of zeros in it.
func copyPart(dst, src *os.File, begin, end int64) error {
	buf, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for begin < end {
		n, err := src.ReadAt(buf[:min(int64(len(buf)), end-begin)], begin)
		if n == 0 && err != nil {
			return err
		}
		if !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := dst.WriteAt(buf[:n], begin); err != nil {
				return err
			}
		}
		begin += int64(n)
	}
	return nil
}
