package zoocfg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/zabra/zabra/internal/properties"
)

// A Source is everything that can configure a server, weakest first: the
// defaults, the file, the environment, the flags.
type Source struct {
	// File is the path of a zoo.cfg. Empty: none, and the defaults of a
	// standalone server on loopback apply.
	File string
	// Environ is the environment as os.Environ gives it. Variables that do not
	// start with ZABRA_ are not looked at.
	Environ []string
	// Flags are the flags that were set, or nil.
	Flags *Flags
	// ReadFile reads the configuration, dynamic and myid files. Nil: the disk,
	// with a bound of 1 MiB.
	ReadFile func(path string) ([]byte, error)
}

// A Setting is one key as it takes effect.
type Setting struct {
	Key    string // as it was written, without "zookeeper."
	Value  string // "[redacted]" for a secret
	Origin Origin
}

// Load reads and merges a source, fills in what derives from other values, reads
// the dynamic configuration file and myid, and validates. The error holds
// everything that is wrong, as Errors; warnings are complete also with an error.
func Load(src Source) (*Config, []Warning, error) {
	return load(src, (*loader).fromDynamicFile)
}

func load(src Source, dynamic func(*loader)) (*Config, []Warning, error) {
	l := loader{cfg: defaults(), read: src.ReadFile}
	if l.read == nil {
		l.read = readBounded
	}
	l.applyDefaults()
	if src.File == "" {
		l.applyLoopback()
	}
	l.fromFile(src.File)
	if err := l.errs.asError(); err != nil {
		return nil, nil, err // every other problem would follow from this one
	}
	l.errs = append(l.errs, l.doubled...)
	l.fromEnviron(src.Environ)
	l.fromFlags(src.Flags)
	l.applyWritten()
	dynamic(&l)
	l.derive()
	l.readMyID()
	l.check()
	l.sort()
	if err := l.errs.asError(); err != nil {
		return nil, l.warnings, err
	}
	return l.cfg, l.warnings, nil
}

// Parse is Load for a file's text alone: no environment, no flags, no other
// file. A dynamicConfigFile is recorded and not read.
func Parse(name string, text []byte) (*Config, []Warning, error) {
	read := func(path string) ([]byte, error) {
		if path == name {
			return text, nil
		}
		return nil, os.ErrNotExist
	}
	return load(Source{File: name, ReadFile: read}, func(*loader) {})
}

type loader struct {
	cfg      *Config
	read     func(string) ([]byte, error)
	written  []written // in the order of application: weakest first
	warnings []Warning
	errs     Errors
	doubled  Errors // of the file, which is read before anything is checked
}

// A written setting is one that somebody wrote, before it is applied.
type written struct {
	as     string // the key as it was written
	key    *Key
	suffix string // for families
	value  string
	origin Origin
}

// id is equal for two settings of which the later replaces the earlier.
func (w *written) id() string { return w.key.Name + w.suffix }

func (l *loader) applyDefaults() {
	for _, k := range keys.rows {
		if k.Default == "" || k.field == nil {
			continue
		}
		if want := k.assign(k.field(l.cfg), k.Default); want != "" {
			panic(fmt.Sprintf("zoocfg: the default of %s is not %s", k.Name, want))
		}
	}
}

// applyLoopback sets what holds without a file. The tick is that of ZooKeeper's
// own sample configuration. On loopback all clients have one address, so a bound
// for each address would only be a small bound on all.
func (l *loader) applyLoopback() {
	c := l.cfg
	c.DataDir = "./data"
	c.ClientPort = 2181
	c.ClientPortAddress = loopback
	c.Admin.Address = loopback
	c.Metrics.HTTPHost = loopback
	c.TickTime = sampleTick
	c.Limits.MaxClientCnxns = 0
}

func (l *loader) fromFile(path string) {
	if path == "" {
		return
	}
	l.cfg.File = path
	text, err := l.read(path)
	if err == nil && len(text) > maxFileBytes {
		err = errTooLarge
	}
	if err != nil {
		l.errs = append(l.errs, &FileError{Path: path, Role: "configuration file", Err: err})
		return
	}
	l.cfg.Text = string(text)
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		l.warn(Warning{Origin: Origin{File: path, Line: 1}, Kind: Advice, Key: "byte order mark",
			Reason: "the file begins with one, which ZooKeeper and Zabra take for part of the first key; save it without"})
	}
	props, err := parseProperties(path, text)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	var fromFile []written
	unlike := firstUnlike(props)
	for _, p := range properties.LastOfEach(props) {
		origin := Origin{File: path, Line: p.Line}
		w, ok := l.resolve(p.Key, p.Value, origin)
		if !ok {
			continue
		}
		fromFile = append(fromFile, w)
		if line, twice := unlike[p.Key]; twice && isMembership(w.key) {
			l.doubled = append(l.doubled, twiceError(p.Key, origin, line))
		} else if twice {
			l.warn(Warning{Origin: origin, Kind: Advice, Key: p.Key, Reason: fmt.Sprintf("this line holds, and line %d is ignored", line)})
		}
		if p.Latin1 {
			l.warn(Warning{Origin: origin, Kind: Advice, Key: p.Key,
				Reason: "its bytes outside ASCII are read as ISO 8859-1, as ZooKeeper does; \\uXXXX escapes say what is meant"})
		}
	}
	l.written = append(l.written, aliasesFirst(fromFile)...)
}

// twiceError refuses two lines for one server: the other one would be left out of the
// ensemble in silence.
func twiceError(key string, origin Origin, line int) error {
	return &ConflictError{Origin: origin, Key: key,
		Problem: fmt.Sprintf("line %d says something else; give each of the two a number of its own, or remove one", line)}
}

// byteOrderMark is what some editors put at the beginning of a file in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// firstUnlike returns, for each key, the first line that says something else than
// the last one, which holds: Java's properties take that in silence.
func firstUnlike(props []properties.Property) map[string]int {
	last, unlike := map[string]string{}, map[string]int{}
	for _, p := range props {
		last[p.Key] = p.Value
	}
	for _, p := range props {
		if _, seen := unlike[p.Key]; !seen && p.Value != last[p.Key] {
			unlike[p.Key] = p.Line
		}
	}
	return unlike
}

// aliasesFirst orders the settings of one source so that a key's own name is
// applied after its aliases and so wins.
func aliasesFirst(ws []written) []written {
	slices.SortStableFunc(ws, func(a, b written) int { return a.rank() - b.rank() })
	return ws
}

func (w *written) rank() int {
	if w.key.family() || strings.TrimPrefix(w.as, "zookeeper.") == w.key.Name {
		return 1
	}
	return 0
}

// resolve looks a key up. It warns about one that is unknown or has no effect
// and then returns false.
func (l *loader) resolve(as, value string, origin Origin) (written, bool) {
	key, suffix, ok := keys.lookup(as)
	if !ok {
		l.warn(Warning{Origin: origin, Kind: UnknownKey, Key: as, Reason: "unknown key, ignored",
			Nearest: l.nearestTo(as)})
		return written{}, false
	}
	if key.Effect == Ineffective {
		l.warn(Warning{Origin: origin, Kind: NoEffect, Key: as, Reason: "has no effect here: " + key.because()})
		return written{}, false
	}
	return written{as: as, key: key, suffix: suffix, value: value, origin: origin}, true
}

// nearestTo suggests a known key. It stops suggesting where a file is no
// configuration at all, because a suggestion costs a look at every key.
func (l *loader) nearestTo(as string) string {
	if len(l.warnings) >= maxSuggestions {
		return ""
	}
	return nearest(strings.TrimPrefix(as, "zookeeper."), keys.spellings)
}

const maxSuggestions = 1000

func (l *loader) warn(w Warning) { l.warnings = append(l.warnings, w) }

// advise warns about a setting that is allowed and probably not meant.
func (l *loader) advise(key, format string, args ...any) {
	l.warn(Warning{Origin: l.originOf(key), Kind: Advice, Key: key, Reason: fmt.Sprintf(format, args...)})
}

// originOf says where the setting in effect of a key was written.
func (l *loader) originOf(key string) Origin {
	if o, ok := l.cfg.Ensemble.originOf(key); ok {
		return o
	}
	for i := len(l.written) - 1; i >= 0; i-- {
		if w := &l.written[i]; w.id() == key {
			return w.origin
		}
	}
	return Origin{File: l.cfg.File}
}

// applyWritten assigns, for each key, the setting of the strongest source.
func (l *loader) applyWritten() {
	last := map[string]int{}
	for i := range l.written {
		last[l.written[i].id()] = i
	}
	for i := range l.written {
		w := &l.written[i]
		if last[w.id()] != i {
			continue
		}
		if want := w.apply(l.cfg); want != "" {
			l.errs = append(l.errs, w.malformed(want))
			continue
		}
		if w.key.Effect == Fixed && !w.key.isDefault(w.value) {
			l.warn(Warning{Origin: w.origin, Kind: NoEffect, Key: w.as, Reason: "has no effect here: " + w.key.because()})
			continue
		}
		l.cfg.settings = append(l.cfg.settings, Setting{
			Key: strings.TrimPrefix(w.as, "zookeeper."), Value: w.shown(), Origin: w.origin})
	}
}

func (w *written) apply(c *Config) (want string) {
	if w.key.add != nil {
		return w.key.add(c, w.suffix, w.value, w.origin)
	}
	return w.key.assign(w.key.field(c), w.value)
}

func (w *written) malformed(want string) error {
	return &ValueError{Origin: w.origin, Key: w.as, Value: w.shown(), Want: want}
}

// shown is the value for eyes.
func (w *written) shown() string {
	if w.key.secret() && w.value != "" {
		return redacted
	}
	return w.value
}

// Settings returns every setting that somebody wrote and that took effect,
// secrets redacted: the content of admin's system_properties.
func (c *Config) Settings() []Setting { return slices.Clone(c.settings) }

// InitialConfiguration returns Text with the values of secret keys replaced, for
// admin's initial_configuration, which asks nobody who they are.
func (c *Config) InitialConfiguration() string {
	var (
		out   strings.Builder
		r     = properties.NewReader([]byte(c.Text))
		shown = 0
	)
	for {
		logical, _, ok := r.Next()
		if !ok {
			out.WriteString(c.Text[shown:])
			return out.String()
		}
		if key := secretKey(logical); key != "" {
			start, end := r.Extent()
			out.WriteString(c.Text[shown:start])
			out.WriteString(key + "=" + redacted + "\n")
			shown = end
		}
	}
}

// secretKey returns the key of a logical line that sets a secret, or "".
// Commented lines are shown as they are.
func secretKey(logical []byte) string {
	name, ok := properties.Key(logical)
	if !ok {
		return ""
	}
	if key, _, ok := keys.lookup(name); ok && key.secret() || looksSecret(name) {
		return name
	}
	return ""
}

// looksSecret takes care of slips such as ssl.keystore.password, which are
// unknown keys with a password all the same.
func looksSecret(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "password") && !strings.HasSuffix(lower, "path") && !strings.ContainsAny(name, "\n\r")
}

// parseProperties reads a file's text; a *SyntaxError names the file.
func parseProperties(file string, text []byte) ([]properties.Property, error) {
	props, err := properties.Parse(text)
	var syntax *properties.SyntaxError
	if errors.As(err, &syntax) {
		return nil, &SyntaxError{File: file, Line: syntax.Line, Problem: syntax.Problem}
	}
	return props, err
}

// maxFileBytes bounds a configuration file. A zoo.cfg of a hundred servers takes
// about 10 KB; a larger file than this is a wrong path, not a configuration.
const maxFileBytes = 1 << 20

var errTooLarge = errors.New("larger than 1 MiB")

// readBounded reads a file of at most maxFileBytes.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bareError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, bareError(err)
	}
	if len(text) > maxFileBytes {
		return nil, errTooLarge
	}
	return text, nil
}

// bareError drops the path that os adds: FileError has it.
func bareError(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
