package zoocfg

import (
	"slices"
	"strings"
)

// An Effect says what a key does in Zabra.
type Effect int

// The effects of keys.
const (
	Effective    Effect = iota // does what it does in ZooKeeper
	EnsembleOnly               // does so in an ensemble; a standalone server ignores it
	Fixed                      // its default is what always holds; another value is one warning
	Ineffective                // accepted with one warning, value unread
)

// A Key is one row of the table from which file parsing, flags, environment
// variables, defaults and documentation derive.
type Key struct {
	// Name is the spelling that ZooKeeper's code reads; it wins over Aliases when
	// one source has both.
	Name string
	// Aliases are other spellings, such as those of ZooKeeper's guide.
	Aliases []string
	Kind    Kind
	// Min and Max bound the kinds that are whole numbers. Max 0 is the largest
	// Java int, or 65535 for a port.
	Min, Max int64
	Choices  []string
	// Default is the value without any configuration, as a file would state it.
	// If it is empty, DefaultNote says what holds.
	Default     string
	DefaultNote string
	Effect      Effect
	// Help is one sentence for the documentation and --help. For an Ineffective
	// key it says why.
	Help string
	// FileOnly keys are neither flags nor environment variables.
	FileOnly bool
	// Common keys are shown by --help.
	Common bool
	// Section groups keys in the documentation.
	Section string

	// field returns a pointer to where the value lives, nil for Ineffective keys.
	field func(*Config) any
	// add replaces field for a family such as server.N, whose Name ends in a dot
	// and stands for every key that starts with it.
	add func(c *Config, suffix, value string, o Origin) (want string)
}

// family reports whether the key stands for all keys that start with its name.
func (k *Key) family() bool { return strings.HasSuffix(k.Name, ".") }

// Spellings returns the key's name and aliases.
func (k *Key) Spellings() []string {
	return append([]string{k.Name}, k.Aliases...)
}

// because is Help as the end of a longer sentence.
func (k *Key) because() string {
	if k.Effect == Ineffective {
		return k.Help
	}
	return strings.ToLower(k.Help[:1]) + strings.TrimSuffix(k.Help[1:], ".")
}

// secret reports whether values of the key must not be shown.
func (k *Key) secret() bool { return k.Kind == Hidden }

// keys is the table with its indexes. It is written once, here, and only read.
var keys = newTable(
	basicKeys(), limitKeys(), throttleKeys(), storageKeys(), treeKeys(), authKeys(),
	tlsKeys("ssl.", "TLS on the client port", func(c *Config) *TLS { return &c.TLS }),
	tlsKeys("ssl.quorum.", "TLS between servers", func(c *Config) *TLS { return &c.QuorumTLS }),
	adminKeys(), ensembleKeys(), familyKeys(), zabraKeys(), ineffectiveKeys(),
)

type table struct {
	rows      []*Key
	byName    map[string]*Key // every spelling of keys that are no families
	families  []*Key          // longest prefix first
	spellings []string        // sorted, families without their dot
}

func newTable(sections ...[]Key) *table {
	t := &table{byName: map[string]*Key{}}
	for _, section := range sections {
		for i := range section {
			t.add(&section[i])
		}
	}
	slices.SortStableFunc(t.families, func(a, b *Key) int { return len(b.Name) - len(a.Name) })
	slices.Sort(t.spellings)
	return t
}

func (t *table) add(k *Key) {
	t.rows = append(t.rows, k)
	if k.family() {
		t.families = append(t.families, k)
		return
	}
	for _, name := range k.Spellings() {
		t.byName[name] = k
		t.spellings = append(t.spellings, name)
	}
}

// lookup finds the row for a key as it was written: by any spelling, with or
// without the prefix "zookeeper.", or by family. suffix is the part of the key
// after the family's prefix.
func (t *table) lookup(written string) (k *Key, suffix string, ok bool) {
	name := strings.TrimPrefix(written, "zookeeper.")
	if k, ok = t.byName[name]; ok {
		return k, "", true
	}
	for _, family := range t.families {
		if suffix, ok = strings.CutPrefix(name, family.Name); ok && suffix != "" {
			return family, suffix, true
		}
	}
	return nil, "", false
}
