package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A Config says where to connect and where to print.
type Config struct {
	Servers  []string      // host:port, tried in turn
	Timeout  time.Duration // session timeout to ask for
	ReadOnly bool          // a server without a quorum will do
	Auth     []string      // scheme:credentials, added to every session
	JSON     bool          // reads and events as JSON
	Out, Err io.Writer     // results and events; errors and notices
}

// A Shell runs commands. It is used by one goroutine.
type Shell struct {
	cfg  Config
	out  *printer
	sess *session
	n    int // commands read
}

// A printer writes whole pieces, so that an event does not land in the middle
// of a result.
type printer struct {
	sync.Mutex
	out, err io.Writer
	json     bool
}

func (p *printer) print(s string) {
	p.Lock()
	defer p.Unlock()
	io.WriteString(p.out, s)
}

func (p *printer) notice(format string, args ...any) {
	p.Lock()
	defer p.Unlock()
	fmt.Fprintf(p.err, format+"\n", args...)
}

func (p *printer) object(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.print(string(b) + "\n")
	return nil
}

func (p *printer) event(e rawclient.Event) {
	if p.json {
		p.object(eventJSON{e.Type.String(), e.Path, e.Zxid.String()})
		return
	}
	p.print(eventText(e))
}

// Open connects to the first server that answers.
func Open(ctx context.Context, cfg Config) (*Shell, error) {
	s := &Shell{cfg: cfg, out: &printer{out: cfg.Out, err: cfg.Err, json: cfg.JSON}}
	return s, s.connect(ctx)
}

func (s *Shell) connect(ctx context.Context) error {
	sess, err := openSession(ctx, &s.cfg, s.out.event)
	if err != nil {
		return err
	}
	s.sess = sess
	for _, auth := range s.cfg.Auth {
		scheme, data, ok := strings.Cut(auth, ":")
		if !ok {
			return fmt.Errorf("authentication %q does not have the form scheme:credentials", scheme)
		}
		if err := s.addAuth(ctx, scheme, data); err != nil {
			return fmt.Errorf("authenticate with scheme %s: %w", scheme, err)
		}
	}
	return nil
}

func (s *Shell) addAuth(ctx context.Context, scheme, data string) error {
	return s.sess.do(ctx, wire.OpAuth, &wire.AuthRequest{Scheme: scheme, Auth: []byte(data)}, nil)
}

// Close ends the session.
func (s *Shell) Close() {
	if s.sess != nil {
		s.sess.close()
	}
}

// do sends a request of a command.
func (s *Shell) do(ctx context.Context, op wire.OpCode, req, resp wire.Record) error {
	return s.sess.do(ctx, op, req, resp)
}

// Run executes one command. The error is a *UsageError, an *UnknownCommand, or
// says what did not work.
func (s *Shell) Run(ctx context.Context, args []string) error {
	if args[0] == "help" {
		s.out.print(Help())
		return nil
	}
	cmd, ok := commands[strings.ToLower(args[0])]
	if !ok {
		return &UnknownCommand{args[0]}
	}
	if s.sess.ended() {
		lost := s.sess.err
		if err := s.connect(ctx); err != nil {
			return err
		}
		s.out.notice("%v; this is a new session", lost)
	}
	return cmd.execute(ctx, s, args[1:])
}

// Wait prints events until ctx or the connection ends.
func (s *Shell) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.sess.dead:
		return s.sess.err
	}
}

// Interactive reads commands from in, one a line, until quit or the end. With
// prompt it greets and prompts as zkCli does. It returns the error of the last
// command, so that a script that is piped in has an exit code.
func (s *Shell) Interactive(ctx context.Context, in io.Reader, prompt bool) error {
	if prompt {
		s.out.print("Connecting to " + s.hosts() + "\nWelcome to Zabra! \"help\" lists the commands.\n")
	}
	lines, stop := readLines(ctx, in)
	defer stop()
	var last error
	for {
		if prompt {
			s.out.print(s.prompt())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, ok := <-lines:
			if !ok {
				return last
			}
			quit, err := s.line(ctx, line)
			if quit {
				return last
			}
			last = err
		}
	}
}

// readLines reads in a goroutine of its own, since reading from a terminal
// cannot be interrupted.
func readLines(ctx context.Context, in io.Reader) (<-chan string, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	lines := make(chan string)
	go func() {
		defer close(lines)
		sc := bufio.NewScanner(in)
		sc.Buffer(nil, 2<<20)
		for sc.Scan() {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines, cancel
}

// line runs one line and prints what went wrong.
func (s *Shell) line(ctx context.Context, line string) (quit bool, err error) {
	args, err := words(line)
	if err == nil && len(args) == 0 {
		return false, nil
	}
	if err == nil {
		s.n++
		if args[0] == "quit" || args[0] == "exit" {
			return true, nil
		}
		err = s.Run(ctx, args)
	}
	var unknown *UnknownCommand
	switch {
	case errors.As(err, &unknown):
		s.out.notice("%s\n%v", Help(), err)
	case err != nil:
		s.out.notice("%v", err)
	}
	return false, err
}

func (s *Shell) hosts() string { return strings.Join(s.cfg.Servers, ",") }

func (s *Shell) prompt() string {
	state := "CONNECTED"
	switch {
	case s.sess.ended():
		state = "CLOSED"
	case s.sess.c.ReadOnly:
		state = "CONNECTEDREADONLY"
	}
	return fmt.Sprintf("[zk: %s(%s) %d] ", s.hosts(), state, s.n)
}
