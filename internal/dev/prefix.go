package dev

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// A shared writer takes whole lines from several goroutines.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// colours are those of the servers, in turns: SGR codes that are read well on a dark
// and on a light ground.
var colours = [...]string{"36", "35", "34", "33", "32", "31"}

// prefixOf is what stands before the log lines of a server.
func prefixOf(id int, coloured bool) string {
	if !coloured {
		return fmt.Sprintf("%d | ", id)
	}
	return fmt.Sprintf("\x1b[%sm%d |\x1b[0m ", colours[(id-1)%len(colours)], id)
}

// longest bounds a line that never ends.
const longest = 64 << 10

// A prefixed writer hands on whole lines, each with a prefix. It is for one goroutine.
type prefixed struct {
	to     io.Writer
	prefix string
	line   []byte // begun and not ended
}

func (p *prefixed) Write(b []byte) (int, error) {
	n := len(b)
	for {
		text, rest, ended := bytes.Cut(b, []byte("\n"))
		p.line = append(p.line, text...)
		if !ended && len(p.line) < longest {
			return n, nil
		}
		if err := p.flush(); err != nil {
			return n - len(rest), err
		}
		if !ended {
			return n, nil
		}
		b = rest
	}
}

// end hands on the line that was begun, if there is one.
func (p *prefixed) end() error {
	if len(p.line) == 0 {
		return nil
	}
	return p.flush()
}

func (p *prefixed) flush() error {
	out := append([]byte(p.prefix), p.line...)
	p.line = p.line[:0]
	_, err := p.to.Write(append(out, '\n'))
	return err
}
