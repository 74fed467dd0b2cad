package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zabra/zabra/client"
)

// A LineReader reads lines as they are typed.
type LineReader interface {
	// ReadLine prints the prompt and returns the next line, ErrInterrupt when the
	// line was given up, or io.EOF.
	ReadLine(prompt string) (string, error)
}

// ErrInterrupt is that a line was given up with Ctrl-C.
var ErrInterrupt = errors.New("interrupted")

// scriptReader reads lines without a prompt.
type scriptReader struct{ sc *bufio.Scanner }

// maxLine bounds a line of a script; data is bounded by servers, at 1 MiB as a rule.
const maxLine = 64 << 20

// Script reads commands from a file or a pipe.
func Script(in io.Reader) LineReader {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, maxLine)
	return scriptReader{sc}
}

// ReadLine returns the next line.
func (r scriptReader) ReadLine(string) (string, error) {
	if r.sc.Scan() {
		return r.sc.Text(), nil
	}
	if r.sc.Err() != nil {
		return "", r.sc.Err()
	}
	return "", io.EOF
}

type typed struct {
	line string
	err  error
}

// Interactive runs the commands that lines has, until quit or the end. A command is
// given up when interrupt has something, which may be nil; the shell is, when ctx ends.
// It returns the error of the last command, so that a script has an exit code.
func (s *Shell) Interactive(ctx context.Context, lines LineReader, interrupt <-chan os.Signal) error {
	wanted, got := make(chan string), make(chan typed)
	defer close(wanted)
	go func() {
		for prompt := range wanted {
			line, err := lines.ReadLine(prompt)
			select {
			case got <- typed{line, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	var last error
	for {
		s.drain()
		s.out.flush()
		select {
		case wanted <- s.prompt():
		case <-ctx.Done():
			return ctx.Err()
		}
		i, v, _ := s.await(ctx.Done(), got)
		if i == 0 {
			return context.Cause(ctx)
		}
		t := v.Interface().(typed)
		switch {
		case t.err == io.EOF:
			return last
		case t.err == ErrInterrupt:
			continue
		case t.err != nil:
			return t.err
		}
		err := s.line(ctx, t.line, interrupt)
		if err == errQuit {
			return last
		}
		if err != errNothing {
			last = err
		}
	}
}

// errNothing is that a line had no command.
var errNothing = errors.New("nothing to do")

// line runs one line and prints what went wrong.
func (s *Shell) line(ctx context.Context, line string, interrupt <-chan os.Signal) error {
	if strings.TrimSpace(line) == "" {
		return errNothing
	}
	args := words(line)
	if len(args) == 0 {
		return errNothing
	}
	s.lines = append(s.lines, line)
	err := s.interruptible(ctx, args, interrupt)
	if err == errQuit {
		return err
	}
	s.report(err)
	return err
}

// interruptible runs a command that an interrupt gives up.
func (s *Shell) interruptible(ctx context.Context, args []string, interrupt <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-interrupt:
			cancel()
		case <-done:
		}
	}()
	return s.Run(ctx, args)
}

// report prints an error as zkCli does.
func (s *Shell) report(err error) {
	var unknown *UnknownCommand
	var part *PartError
	switch {
	case err == nil, errors.Is(err, ErrDiffer):
	case errors.As(err, &unknown):
		s.out.notice("ZooKeeper -server host:port -client-configuration properties-file cmd args\n%s%v", Help(), err)
	case errors.Is(err, context.Canceled) && !errors.As(err, &part):
		s.out.notice("interrupted")
	default:
		s.out.notice("%s", s.out.paint(red, err.Error()))
	}
}

// Greet prints what zkCli begins with, and has the opening of the session told.
func (s *Shell) Greet() {
	s.greeted = true
	s.out.printf("Connecting to %s\nWelcome to Zabra! \"help\" lists the commands, TAB completes them.\n", s.servers)
	s.out.flush()
}

// Report prints why a session could not be opened; the shell goes on without.
func (s *Shell) Report(err error) { s.report(err) }

// Connect opens the first session.
func (s *Shell) Connect(ctx context.Context) error { return explain("", s.open(ctx)) }

var promptStates = map[client.State]string{
	client.Connecting: "CONNECTING", client.Connected: "CONNECTED", client.ConnectedReadOnly: "CONNECTEDREADONLY",
	client.Expired: "CONNECTING", client.Closed: "CLOSED",
}

func (s *Shell) prompt() string {
	state := promptStates[client.Closed]
	if s.svc != nil {
		state = promptStates[s.svc.State()]
	}
	return fmt.Sprintf("[zk: %s(%s) %d] ", s.servers, state, len(s.lines))
}
