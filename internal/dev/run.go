package dev

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	pollEvery = 200 * time.Millisecond
	patience  = time.Minute      // until all serve for the first time
	stopTime  = 10 * time.Second // until a server that does not stop is killed
	tooSoon   = 10 * time.Second // a server that ends by itself before that will do so again
)

// An ensemble is what runs. One goroutine, run, owns it.
type ensemble struct {
	o       *Options
	dir     string // absolute
	servers []*server
	log     *shared
	tell    *teller

	exits  chan exit
	roles  chan []string
	again  chan *server
	served bool // all of them have served
}

type exit struct {
	s   *server
	err error
}

// Run starts the servers, tells of them, and stops them when ctx is done. The error
// says why the ensemble could not be started or had to be given up.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	n := &ensemble{
		o: &o, dir: dir, servers: newServers(&o), log: &shared{w: o.Log}, tell: &teller{o: &o, out: o.Out},
		exits: make(chan exit), roles: make(chan []string), again: make(chan *server),
	}
	lock, err := prepare(o.Dir, size{o.Servers, o.Observers}, o.Fresh)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := choosePorts(n.servers, o.Port); err != nil {
		return err
	}
	if err := configure(dir, n.servers); err != nil {
		return err
	}
	return n.run(ctx)
}

func (n *ensemble) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer n.stop()
	defer cancel()
	if err := n.tell.starting(); err != nil {
		return err
	}
	for _, s := range n.servers {
		if err := n.start(s); err != nil {
			return err
		}
	}
	go n.poll(ctx)
	late := time.After(patience)
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case e := <-n.exits:
			err = n.ended(ctx, e)
		case s := <-n.again:
			if err = n.start(s); err == nil {
				err = n.tell.started(s)
			}
		case roles := <-n.roles:
			err = n.changed(roles)
		case <-late:
			if !n.served {
				err = fmt.Errorf("dev: not all servers serve after %v; their log says why", patience)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (n *ensemble) start(s *server) error {
	log := &prefixed{to: n.log, prefix: prefixOf(s.id, n.o.Colours)}
	return s.start(n.o.Binary, n.dir, log, func(err error) {
		_ = log.end()
		n.exits <- exit{s, err}
	})
}

// ended deals with a server that is gone.
func (n *ensemble) ended(ctx context.Context, e exit) error {
	s, pid := e.s, e.s.pid()
	why := "exit status 0"
	if e.err != nil {
		why = e.err.Error()
	}
	failed := s.cmd.ProcessState.ExitCode() > 0 && time.Since(s.started) < tooSoon
	s.cmd, s.role, s.told = nil, "", ""
	if failed {
		return fmt.Errorf("dev: server %d ended as soon as it was started: %s; its log says why", s.id, why)
	}
	if n.o.Restart > 0 {
		time.AfterFunc(n.o.Restart, func() {
			select {
			case n.again <- s:
			case <-ctx.Done():
			}
		})
	}
	return n.tell.ended(s, pid, why, n.o.Restart)
}

// poll asks the servers what they are, until ctx is done.
func (n *ensemble) poll(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		roles := make([]string, len(n.servers))
		done := make(chan struct{})
		for i, s := range n.servers {
			go func() {
				roles[i] = ask(address(s.client))
				done <- struct{}{}
			}()
		}
		for range n.servers {
			<-done
		}
		select {
		case n.roles <- roles:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// changed tells of servers that have become something else. First it waits until all
// are something.
func (n *ensemble) changed(roles []string) error {
	for i, s := range n.servers {
		s.role = ""
		if s.cmd != nil {
			s.role = roles[i]
		}
	}
	if !n.served {
		if slices.ContainsFunc(n.servers, func(s *server) bool { return s.role == "" }) {
			return nil
		}
		n.served = true
		for _, s := range n.servers {
			s.told = s.role
		}
		return n.tell.serving(n.servers)
	}
	for _, s := range n.servers {
		if s.role == "" || s.role == s.told {
			continue
		}
		s.told = s.role
		if err := n.tell.role(s); err != nil {
			return err
		}
	}
	return nil
}

// stop ends all servers, and returns when none is left.
func (n *ensemble) stop() {
	left := 0
	for _, s := range n.servers {
		if s.cmd != nil {
			left++
		}
		s.signal(syscall.SIGTERM)
	}
	late := time.After(stopTime)
	for left > 0 {
		select {
		case e := <-n.exits:
			e.s.cmd = nil
			left--
		case <-late:
			for _, s := range n.servers {
				s.signal(syscall.SIGKILL)
			}
		}
	}
}
