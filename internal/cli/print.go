package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A view is a result that can say itself: as text, and, marshalled, as JSON.
type view interface {
	text(*printer)
}

// A printer writes results to one stream and errors and notices to another, in the
// order in which they come.
type printer struct {
	out    *bufio.Writer
	err    io.Writer
	colour bool
	// Whether what is printed to out, and noticed to err, is for a terminal.
	outTerminal, errTerminal bool
	failed                   error // of the first write that did not work
}

func newPrinter(out, err io.Writer, colour bool) *printer {
	return &printer{out: bufio.NewWriterSize(out, 32<<10), err: err, colour: colour}
}

func (p *printer) printf(format string, args ...any) {
	if p.outTerminal {
		p.out.WriteString(visible(fmt.Sprintf(format, args...)))
		return
	}
	fmt.Fprintf(p.out, format, args...)
}

func (p *printer) notice(format string, args ...any) {
	p.flush()
	text := fmt.Sprintf(format+"\n", args...)
	if p.errTerminal {
		text = visible(text)
	}
	io.WriteString(p.err, text)
}

func (p *printer) flush() {
	if err := p.out.Flush(); err != nil && p.failed == nil {
		p.failed = fmt.Errorf("print: %w", err)
	}
}

func (p *printer) show(v view, asJSON bool) error {
	if !asJSON {
		v.text(p)
		return nil
	}
	return p.object(v)
}

// object prints one line of JSON. Text stays as it is: < and & mean nothing here.
func (p *printer) object(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	p.printf("%s", b.String())
	return nil
}

// A colour is an SGR code of a terminal.
type colour string

const (
	bold   colour = "1"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	blue   colour = "1;34"
	faint  colour = "2"
)

func (p *printer) paint(c colour, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// show prints a result, behind the events that came before it.
func (c *call) show(v view) error {
	c.drain()
	return c.out.show(v, c.json)
}
