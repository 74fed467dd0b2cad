package zkdata

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"path/filepath"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// An appender writes a file from its beginning to its end.
type appender struct {
	f   vfs.File
	off int64
}

func (a *appender) Write(b []byte) (int, error) {
	n, err := a.f.WriteAt(b, a.off)
	a.off += int64(n)
	return n, err
}

// A logWriter writes log files of ZooKeeper's.
type logWriter struct {
	fs    vfs.FS
	dir   string
	most  int64 // bytes of a file, but for its last record; 0 means logFileMost
	files int

	file *appender // nil before the first record
	buf  []byte
}

// logFileMost is how large a file becomes: ZooKeeper reads one from its beginning to find
// a transaction.
const logFileMost = 64 << 20

// append writes a transaction behind the one before.
func (w *logWriter) append(z wire.Zxid, payload []byte) error {
	if w.file != nil && w.file.off+int64(len(w.buf)) >= cmp.Or(w.most, logFileMost) {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.file == nil {
		if err := w.create(z); err != nil {
			return err
		}
	}
	w.buf = appendRecord(w.buf, payload)
	if len(w.buf) < batchBytes {
		return nil
	}
	return w.flush()
}

func (w *logWriter) create(first wire.Zxid) error {
	f, err := w.fs.Create(filepath.Join(w.dir, fmt.Sprintf("%s%x", logPrefix, int64(first))))
	if err != nil {
		return err
	}
	w.files++
	w.file = &appender{f: f}
	w.buf = appendLogHeader(w.buf[:0])
	return nil
}

func (w *logWriter) flush() error {
	_, err := w.file.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// close ends the file that is being written, if there is one, and makes it durable.
func (w *logWriter) close() error {
	if w.file == nil {
		return nil
	}
	err := w.flush()
	if err == nil {
		err = w.file.f.Sync()
	}
	err = errors.Join(err, w.file.f.Close())
	w.file = nil
	return err
}

func appendLogHeader(b []byte) []byte {
	return wire.AppendLong(wire.AppendInt(wire.AppendInt(b, logMagic), logVersion), 0)
}

func appendRecord(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(adler32.Checksum(payload)))
	b = wire.AppendInt(b, int32(len(payload)))
	return append(append(b, payload...), recordEnd)
}
