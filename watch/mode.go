package watch

// A WatcherID is the server's number for a connection that watches.
type WatcherID uint32

// A Mode is a set of ways to watch a path.
type Mode uint8

// The modes.
const (
	Data       Mode = 1 << iota // one-shot in the data table
	Child                       // one-shot in the child table
	Persistent                  // both tables, until removed
	Recursive                   // data table, the path and all below, until removed
)

const (
	inData  = Data | Persistent | Recursive
	inChild = Child | Persistent
)

// A Type is the watcherType of checkWatches and removeWatches.
type Type int32

// The watcher types; those from TypePersistent on are of ZooKeeper 3.9.
const (
	TypeChildren   Type = 1
	TypeData       Type = 2
	TypeAny        Type = 3
	TypePersistent Type = 4
	TypeRecursive  Type = 5
)

// modes returns the modes that a watcher type means, and false for a number that
// is none.
func (t Type) modes() (Mode, bool) {
	switch t {
	case TypeChildren:
		return Child, true
	case TypeData:
		return Data, true
	case TypeAny:
		return inData | inChild, true
	case TypePersistent:
		return Persistent, true
	case TypeRecursive:
		return Recursive, true
	}
	return 0, false
}
