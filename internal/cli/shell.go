package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/zabra/zabra/client"
)

// A Config says where to connect and where to print.
type Config struct {
	Servers  string         // a connect string: host:port[,host:port...][/path]
	Options  client.Options // of every session; Auth is added to by addauth
	Patience time.Duration  // how long to try to connect; 5 s if zero
	JSON     bool           // results and events as JSON
	Out, Err io.Writer      // results and events; errors and notices
	Colour   bool           // Out is a terminal that shows colours
	Terminal bool           // Out is a terminal: what it would obey is shown instead
	Person   bool           // Err is a terminal that somebody looks at: progress is shown
	Version  string         // what version prints
	In       io.Reader      // what import reads from "-"; nil where commands come from there

	// Edit has a person edit a file, and Ask has one answer a question. nil where there
	// is nobody.
	Edit func(file string) error
	Ask  func(question string) (string, error)

	// Dial opens sessions. client.Open if nil.
	Dial Dialler
}

// A Shell runs commands. It is used by one goroutine.
type Shell struct {
	cfg          Config
	out          *printer
	svc          Service // nil when there is none
	servers      string
	auth         []client.Auth
	states       <-chan client.StateChange
	endStates    context.CancelFunc
	watches      watches
	printWatches bool
	jsonEvents   bool     // the last addWatch asked for JSON
	lines        []string // commands of this run, by number
	greeted      bool     // a session has been opened before, or its opening is to be told
	clock        progressClock
}

const patience = 5 * time.Second

// New makes a Shell without a connection.
func New(cfg Config) *Shell {
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	s := &Shell{cfg: cfg, out: newPrinter(cfg.Out, cfg.Err, cfg.Colour), servers: cfg.Servers, printWatches: true}
	s.out.outTerminal, s.out.errTerminal = cfg.Terminal, cfg.Person
	s.auth = append(s.auth, cfg.Options.Auth...)
	if s.cfg.Dial == nil {
		s.cfg.Dial = s.dial
	}
	return s
}

// Open makes a Shell with a session. The error is a *ConnectError.
func Open(ctx context.Context, cfg Config) (*Shell, error) {
	s := New(cfg)
	return s, s.open(ctx)
}

func (s *Shell) dial(ctx context.Context, servers string, auth []client.Auth) (Service, error) {
	o := s.cfg.Options
	o.Auth = auth
	c, err := client.Open(ctx, servers, o)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// open opens a session with s.servers.
func (s *Shell) open(ctx context.Context) error {
	svc, err := s.reach(ctx, s.servers)
	if err != nil {
		return err
	}
	states, cancel := context.WithCancel(context.Background())
	s.svc, s.endStates, s.states = svc, cancel, svc.States(states)
	if !s.greeted {
		<-s.states // that it is connected goes without saying
		s.greeted = true
	}
	return nil
}

// reach opens a session with any servers.
func (s *Shell) reach(ctx context.Context, servers string) (Service, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Patience, client.ErrNoConnection)
	defer cancel()
	svc, err := s.cfg.Dial(ctx, servers, s.auth)
	if err != nil {
		// Only a connect string that cannot be read is refused without a try.
		if ctx.Err() == nil && !errors.Is(err, client.ErrAuthFailed) {
			return nil, &UsageError{Usage: "host:port[,host:port...][/path]", Reason: err.Error()}
		}
		return nil, &ConnectError{servers, err}
	}
	return svc, nil
}

// closeService ends the session.
func (s *Shell) closeService() {
	if s.svc == nil {
		return
	}
	s.drain()
	s.endStates()
	s.states = nil
	s.svc.Close() // a session that cannot be ended runs into its timeout
	s.drain()
	s.svc, s.states, s.watches = nil, nil, watches{}
	s.stateEvent(client.StateChange{State: client.Closed})
}

// Close ends the session and prints what is left to print.
func (s *Shell) Close() {
	if s.svc != nil {
		s.drain()
		s.endStates()
		s.states = nil
		s.svc.Close()
		s.drain() // what the end of the session has led to
		s.svc = nil
	}
	s.out.flush()
}

// Run executes one command. The error says what did not work, in zkCli's words and
// with a hint; ExitCode tells its kind.
func (s *Shell) Run(ctx context.Context, args []string) error {
	err := s.run(ctx, args)
	s.endProgress()
	s.drain()
	s.out.flush()
	if err == nil {
		err = s.out.failed
	}
	return err
}

func (s *Shell) run(ctx context.Context, args []string) error {
	cmd := find(args[0])
	if cmd == nil {
		return &UnknownCommand{args[0]}
	}
	c, err := cmd.parse(s, args[1:])
	if err != nil {
		return err
	}
	if s.svc == nil && !cmd.alone {
		return explain("", errNotConnected)
	}
	path := ""
	if cmd.paths > 0 {
		path = c.path()
	}
	return explain(path, cmd.run(ctx, c))
}

// Wait prints events until ctx or the session ends.
func (s *Shell) Wait(ctx context.Context) error {
	if s.svc == nil {
		return nil
	}
	i, _, _ := s.await(ctx.Done(), s.svc.Session().Done())
	s.out.flush()
	if i == 0 {
		return nil
	}
	return fmt.Errorf("wait for events: %w", client.ErrSessionExpired)
}

// Watching reports whether a watch is left that goes on.
func (s *Shell) Watching() bool { return len(s.watches.keys) > 0 }
