package server

import (
	"errors"
	"fmt"
)

// Badger writes its files through memory maps. A disk that is full is then no
// error but the end of the process (SIGBUS), so the store is opened and written
// only while there is room for everything that Badger may write before the next
// look: memtables with their logs, the tables they become, and the log's next
// segment beside them; and a compaction, which writes anew what it reads.
const (
	openRoom       = 64 << 20
	checkpointRoom = 192 << 20
	compactionRoom = 256 << 20 // at most; and no more than there is in the store
)

// storeRoom is the room that a checkpoint needs.
func (d *data) storeRoom() uint64 {
	return checkpointRoom + uint64(min(d.store.Bytes(), compactionRoom))
}

// A RoomError says that the disk is too full to touch the store.
type RoomError struct {
	Dir        string
	Free, Need uint64 // bytes
}

func (e *RoomError) Error() string {
	return fmt.Sprintf("%s has %d MiB free, and the checkpoint store needs %d MiB: make room", e.Dir, e.Free>>20, e.Need>>20)
}

func (d *data) room(need uint64) error {
	free, err := d.fs.Free(d.cfg.DataDir)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if free < need {
		return &RoomError{d.cfg.DataDir, free, need}
	}
	return nil
}
