package zoocfg

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// An Origin says where a setting was written, for messages: a line of a file,
// an environment variable, a flag or a default.
type Origin struct {
	File string // path as the operator gave it; empty unless from a file
	Line int    // from 1; 0 where no line applies
	Env  string // name of the environment variable
	Flag string // name of the flag, without dashes
}

// String prints the origin as the start of a message: "zoo.cfg:12".
func (o Origin) String() string {
	switch {
	case o.Flag != "":
		return "flag --" + o.Flag
	case o.Env != "":
		return "environment variable " + o.Env
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	case o.File != "":
		return o.File
	default:
		return "default"
	}
}

// A SyntaxError is a place where a file is not in Java properties syntax.
type SyntaxError struct {
	File    string
	Line    int
	Problem string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// A ValueError is a value that cannot be what its key needs.
type ValueError struct {
	Origin Origin
	Key    string // as it was written
	Value  string // as it was written; "[redacted]" for a secret
	Want   string // what would be right
}

// Error implements error.
func (e *ValueError) Error() string {
	return fmt.Sprintf("%s: %s = %s: want %s", e.Origin, printable(e.Key), quoted(e.Value), e.Want)
}

// quoted is a value in quotes, cut to what a message can show.
func quoted(value string) string {
	const most = 400
	if len(value) > most {
		return strconv.Quote(value[:most]) + "…"
	}
	return strconv.Quote(value)
}

// A ConflictError is a configuration whose keys are each well-formed and do not
// go together.
type ConflictError struct {
	Origin  Origin // of the key to change first
	Key     string // the key to change first
	Problem string // what is wrong and what would be right
}

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Origin, printable(e.Key), e.Problem)
}

// A FileError is a file that could not be read.
type FileError struct {
	Path string
	Role string // what the file is: "configuration file", "dynamic configuration file", "myid file"
	Err  error
}

// Error implements error.
func (e *FileError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Role, e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Errors holds everything wrong with a configuration, in the order in which it
// was found, so that an operator repairs a file once. errors.As finds each kind.
type Errors []error

// Error prints one problem a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems.
func (e Errors) Unwrap() []error { return e }

// asError returns nil for no problem at all.
func (e Errors) asError() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// WarningKind tells warnings apart for tests and metrics.
type WarningKind int

// The kinds of warnings.
const (
	UnknownKey WarningKind = iota // nobody knows the key
	NoEffect                      // ZooKeeper knows the key; it changes nothing in Zabra
	Advice                        // the setting is allowed and probably not meant
)

// A Warning is something an operator should know and that stops nothing. There
// is at most one of a kind for each key.
type Warning struct {
	Origin  Origin
	Kind    WarningKind
	Key     string // as it was written
	Nearest string // for UnknownKey: the known key that looks most like it, or empty
	Reason  string // one sentence without its final stop
}

// String prints the warning as one line.
func (w Warning) String() string {
	if w.Nearest != "" {
		return fmt.Sprintf("%s: %s: %s; the nearest known key is %s", w.Origin, printable(w.Key), w.Reason, w.Nearest)
	}
	return fmt.Sprintf("%s: %s: %s", w.Origin, printable(w.Key), w.Reason)
}

// printable is a key for a log or a terminal: a file that is no configuration has
// keys of any length with anything in them.
func printable(key string) string {
	const most = 100
	if cut := []rune(key[:min(len(key), 4*most)]); len(cut) > most {
		key = string(cut[:most]) + "…"
	}
	for _, r := range key {
		if !unicode.IsPrint(r) {
			return strconv.Quote(key)
		}
	}
	return key
}
