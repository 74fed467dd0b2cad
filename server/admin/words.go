package admin

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// A Word is a four-letter word: its letters as a big-endian number, the way they
// arrive where a frame's length would.
type Word uint32

// telnetClose is what telnet sends when it ends a connection. ZooKeeper counts it
// among the words.
const telnetClose Word = 0xfff4fffd

// notServing is the answer of a server that has no data to answer from.
const notServing = "This ZooKeeper instance is not currently serving requests"

// A wordSpec is a line of the table of words.
type wordSpec struct {
	name        string
	needsServer bool // answered by notServing while the server does not serve
	answer      func(a *Admin, w *printer)
}

// wordTable names the words. What only one of them does (stmk reads eight bytes
// more) is in Answer.
var wordTable = [...]wordSpec{
	{"conf", true, (*Admin).wordConf},
	{"cons", true, (*Admin).wordCons},
	{"crst", true, (*Admin).wordCrst},
	{"dirs", true, (*Admin).wordDirs},
	{"dump", true, (*Admin).wordDump},
	{"envi", false, (*Admin).wordEnvi},
	{"gtmk", false, (*Admin).wordGtmk},
	{"ruok", false, (*Admin).wordRuok},
	{"stmk", false, (*Admin).wordGtmk},
	{"srst", true, (*Admin).wordSrst},
	{"srvr", true, (*Admin).wordSrvr},
	{"stat", true, (*Admin).wordStat},
	{"wchc", true, (*Admin).wordWchc},
	{"wchp", true, (*Admin).wordWchp},
	{"wchs", true, (*Admin).wordWchs},
	{"mntr", true, (*Admin).wordMntr},
	{"isro", false, (*Admin).wordIsro},
	{"hash", true, (*Admin).wordHash},
	{telnetName, false, func(*Admin, *printer) {}},
}

// IsWord reports whether the four bytes where a frame's length is due are a
// four-letter word. No permitted length is.
func IsWord(length int32) (Word, bool) {
	w := Word(length)
	return w, w.spec() != nil
}

// spec is the word's line of the table, nil for what is no word.
func (w Word) spec() *wordSpec {
	name := w.String()
	for i := range wordTable {
		if wordTable[i].name == name {
			return &wordTable[i]
		}
	}
	return nil
}

// telnetName is what ZooKeeper calls telnet's code.
const telnetName = "telnet close"

// String is the word's letters.
func (w Word) String() string {
	if w == telnetClose {
		return telnetName
	}
	return string(binary.BigEndian.AppendUint32(nil, uint32(w)))
}

// parseWhitelist returns the words that may be executed.
func parseWhitelist(list string, readOnlyMode bool) map[string]bool {
	enabled := map[string]bool{"srvr": true}
	if readOnlyMode {
		enabled["isro"] = true
	}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "*" {
			for _, spec := range wordTable {
				enabled[spec.name] = true
			}
		}
		enabled[item] = true
	}
	return enabled
}

// Answer writes the answer to a word, after which the connection is to be closed.
// rest is what follows the word on the connection; only stmk reads from it, eight
// bytes. The error is that of rest or of w.
func (a *Admin) Answer(w io.Writer, rest io.Reader, word Word) error {
	spec := word.spec()
	if spec == nil {
		return fmt.Errorf("four-letter word %q: unknown", word.String())
	}
	p := &printer{bufio.NewWriter(w)}
	if err := a.answer(p, rest, spec); err != nil {
		return fmt.Errorf("four-letter word %s: %w", spec.name, err)
	}
	if err := p.Flush(); err != nil {
		return fmt.Errorf("four-letter word %s: %w", spec.name, err)
	}
	return nil
}

func (a *Admin) answer(p *printer, rest io.Reader, spec *wordSpec) error {
	if !a.enabled[spec.name] {
		p.line(spec.name, " is not executed because it is not in the whitelist.")
		return nil
	}
	if spec.name == "stmk" {
		if err := a.readTraceMask(rest); err != nil {
			return err
		}
	}
	if spec.needsServer && !a.node.Status().Serving {
		p.WriteString(notServing)
		if spec.name != "hash" { // the one answer of ZooKeeper's without a line end here
			p.WriteByte('\n')
		}
		return nil
	}
	spec.answer(a, p)
	return nil
}

func (a *Admin) readTraceMask(rest io.Reader) error {
	var mask [8]byte
	if _, err := io.ReadFull(rest, mask[:]); err != nil {
		return fmt.Errorf("read trace mask: %w", err)
	}
	a.traceMask.Store(int64(binary.BigEndian.Uint64(mask[:])))
	return nil
}

// A printer writes lines. Its first error stays and comes out of Flush.
type printer struct{ *bufio.Writer }

// line writes the strings and a line end.
func (p *printer) line(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
	p.WriteByte('\n')
}

// f writes formatted.
func (p *printer) f(format string, args ...any) { fmt.Fprintf(p.Writer, format, args...) }
