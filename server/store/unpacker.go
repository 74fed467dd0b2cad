package store

// An unpacker takes the blobs of a checkpoint apart. They come in the order of
// their keys: group by group, of a group the newest checkpoint first, of that part
// by part.
type unpacker struct {
	emit   func(key, value []byte) error
	at     blobKey
	begun  bool
	seen   indices // records of the group in younger checkpoints
	here   indices // in this one
	rest   []byte  // of the parts before: the beginning of a record
	recKey []byte
}

// indices is a set of records of a group.
type indices [groupSize / 64]uint64

func (s *indices) has(i uint16) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s *indices) set(i uint16)      { s[i>>6] |= 1 << (i & 63) }

// add emits the records that end in a blob, but for those that a younger blob
// replaces or removes, and returns how many end in it.
func (u *unpacker) add(k blobKey, key, blob []byte) (records int, err error) {
	if err := u.next(k); err != nil {
		return 0, err
	}
	b, records, err := openBlob(blob, key)
	if err != nil {
		return 0, err
	}
	if len(u.rest) > 0 {
		u.rest = append(u.rest, b...)
		b = u.rest
	}
	left, err := u.records(b, records)
	if err != nil {
		return 0, err
	}
	u.rest = append(u.rest[:0], left...)
	return records, nil
}

// next goes on to a blob.
func (u *unpacker) next(k blobKey) error {
	was := u.at
	first := !u.begun || k.group != was.group || k.number != was.number
	if !first && k.part == was.part+1 {
		u.at = k
		return nil
	}
	if !first || k.part != 0 {
		return corrupt("the part before is missing")
	}
	if err := u.end(); err != nil {
		return err
	}
	if k.group != was.group {
		u.seen = indices{}
	} else {
		for i := range u.seen {
			u.seen[i] |= u.here[i]
		}
	}
	u.here = indices{}
	u.at, u.begun = k, true
	return nil
}

// end says that there are no more blobs of the group and checkpoint.
func (u *unpacker) end() error {
	if len(u.rest) > 0 {
		return corrupt("%v: the part behind is missing", u.at)
	}
	return nil
}

// records emits n records from b and returns what stands behind them.
func (u *unpacker) records(b []byte, n int) (rest []byte, err error) {
	for range n {
		index, value, behind, whole, err := cutRecord(b)
		if err != nil {
			return nil, err
		}
		if !whole {
			return nil, corrupt("%d records end in it, and it has fewer", n)
		}
		if u.here.has(index) {
			return nil, corrupt("record %d is there twice", index)
		}
		u.here.set(index)
		b = behind
		if value == nil || u.seen.has(index) {
			continue
		}
		u.recKey = u.at.group.appendRecordKey(u.recKey[:0], index)
		if err := u.emit(u.recKey, value); err != nil {
			return nil, err
		}
	}
	return b, nil
}
