package faulttest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

// A verdict is what is said about a run that has ended.
type verdict struct {
	problems  []string
	committed int
	answered  int
	writes    int
	unknown   int // writes without an answer
	expired   int
}

func (v *verdict) say(check, format string, args ...any) {
	v.problems = append(v.problems, check+": "+fmt.Sprintf(format, args...))
}

// report fails the test for what was found.
func (v *verdict) report(t testing.TB) {
	t.Helper()
	for i, p := range v.problems {
		if i == 20 {
			t.Errorf("and %d more", len(v.problems)-i)
			return
		}
		t.Error(p)
	}
}

// has reports whether a check has found something.
func (v *verdict) has(check string) bool {
	return slices.ContainsFunc(v.problems, func(p string) bool { return strings.HasPrefix(p, check+":") })
}

// judge stops the clients, lets the sessions that nobody closed expire, looks at every
// server's tree, stops the servers, and compares what the clients saw with the logs.
// All reads have to be linearizable, or only those behind a sync.
func (l *load) judge(v *verdict, allReads bool) {
	l.end()
	l.sessionsEnd(v)
	l.sameTrees(v)
	if l.e.planted {
		time.Sleep(500 * time.Millisecond) // what was acknowledged too early is on disk by now
	}
	for _, s := range l.e.servers {
		s.kill()
	}
	committed := l.committed(v)
	if committed == nil {
		return
	}
	l.tally(v, committed)
	var logs []*history.Log
	for _, c := range l.all {
		logs = append(logs, c.log)
	}
	check := history.Registers
	if allReads {
		check = history.RegistersAndReads
	}
	problems := history.Check(committed, logs)
	more, undecided := check(committed, logs, registers, time.Minute)
	for _, p := range append(problems, more...) {
		v.say(p.Check, "%s", p.Text)
	}
	if undecided > 0 {
		v.say("register", "%d registers took too long to judge", undecided)
	}
	l.expiries(v, committed)
}

// tally counts.
func (l *load) tally(v *verdict, committed []wire.Txn) {
	v.committed, v.writes = len(committed), len(l.writes)
	for _, c := range l.all {
		for _, o := range c.log.Ops {
			switch {
			case o.Answered:
				v.answered++
			case o.IsWrite():
				v.unknown++
			}
		}
	}
}

// sessionsEnd waits until every session that was left alone is gone, with its nodes.
func (l *load) sessionsEnd(v *verdict) {
	late := sessionTimeout + l.e.patience
	end := time.Now().Add(late)
	for !l.abandonedEnded() && time.Now().Before(end) {
		time.Sleep(50 * time.Millisecond)
	}
	for ; ; time.Sleep(300 * time.Millisecond) {
		left, err := l.owned()
		if err == nil && len(left) == 0 && l.abandonedEnded() {
			return
		}
		if time.Now().After(end) {
			if err != nil || len(left) > 0 {
				v.say("ephemeral", "%v after the last client these nodes are there still (%v): %v", late, err, left)
			}
			return // what is wrong with sessions the log will tell
		}
	}
}

// abandonedEnded reports whether the leader knows none of the sessions any more that were
// left alone.
func (l *load) abandonedEnded() bool {
	for _, s := range l.e.servers {
		if s.mode() != "leader" {
			continue
		}
		dump := s.word("dump")
		for _, c := range l.all {
			for _, id := range c.abandoned {
				if dump == "" || strings.Contains(dump, fmt.Sprintf("\t%v\n", id)) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// owned lists the ephemeral nodes that some server shows.
func (l *load) owned() (paths []string, err error) {
	for _, s := range l.e.servers {
		nodes, err := l.tree(s)
		if err != nil {
			return nil, err
		}
		for p, n := range nodes {
			if n.stat.EphemeralOwner != 0 {
				paths = append(paths, fmt.Sprintf("server %d %s", s.id, p))
			}
		}
	}
	return paths, nil
}

type node struct {
	stat wire.Stat
	data []byte
}

// tree reads all of a server's nodes, behind a sync, but for /zookeeper. What it
// reads is part of the history.
func (l *load) tree(s *server) (map[string]node, error) {
	c := l.client(uint64(s.id), s)
	c.wait = l.e.patience
	if err := c.connect(s); err != nil {
		l.all = l.all[:len(l.all)-1]
		return nil, err
	}
	defer func() { _ = c.close() }()
	c.ask(&history.Op{Op: wire.OpSync, Path: "/"}, &wire.PathRequest{Path: "/"})
	nodes := map[string]node{}
	for todo := []string{"/"}; len(todo) > 0; {
		p := todo[0]
		todo = todo[1:]
		kids := &history.Op{Op: wire.OpGetChildren2, Path: p}
		c.ask(kids, &wire.PathWatchRequest{Path: p})
		get := &history.Op{Op: wire.OpGetData, Path: p}
		if p != "/" { // which the history does not model
			c.ask(get, &wire.PathWatchRequest{Path: p})
		}
		if err := c.answers(); err != nil {
			return nil, err
		}
		nodes[p] = node{get.Stat, get.Value}
		for _, name := range kids.Names {
			if child := path.Join(p, name); child != "/zookeeper" {
				todo = append(todo, child)
			}
		}
	}
	return nodes, nil
}

// sameTrees compares the servers' trees, which nobody changes any more.
func (l *load) sameTrees(v *verdict) {
	var first map[string]node
	for _, s := range l.e.servers {
		nodes, err := l.tree(s)
		if err != nil {
			v.say("trees", "server %d does not show its tree: %v", s.id, err)
			return
		}
		if first == nil {
			first = nodes
			continue
		}
		same := func(a, b node) bool { return a.stat == b.stat && bytes.Equal(a.data, b.data) }
		if !maps.EqualFunc(first, nodes, same) {
			v.say("trees", "servers %d and %d differ: %d and %d nodes", l.e.servers[0].id, s.id, len(first), len(nodes))
		}
	}
}

// committed reads the logs of the stopped servers, which end at the same transaction,
// and returns the one that goes back to the beginning. Where two logs hold a transaction
// they hold the same.
func (l *load) committed(v *verdict) []wire.Txn {
	var longest []wire.Txn
	logs := map[*server][]wire.Txn{}
	for _, s := range l.e.servers {
		txns, err := s.transactions()
		if err != nil {
			v.say("log", "server %d: %v", s.id, err)
			return nil
		}
		logs[s] = txns
		if len(txns) > len(longest) {
			longest = txns
		}
	}
	for s, txns := range logs {
		if len(txns) == 0 {
			continue // it was sent a snapshot
		}
		at, _ := slices.BinarySearchFunc(longest, txns[0].Header.Zxid, func(t wire.Txn, z wire.Zxid) int { return cmp.Compare(t.Header.Zxid, z) })
		for i := range txns {
			if at+i >= len(longest) || !bytes.Equal(longest[at+i].Raw, txns[i].Raw) {
				v.say("log", "the log of server %d has another transaction than the longest log at its %v", s.id, txns[i].Header.Zxid)
				break
			}
		}
	}
	if len(longest) == 0 || longest[0].Header.Zxid.Counter() != 1 {
		v.say("log", "no log goes back to the beginning")
		return nil
	}
	return longest
}

// transactions reads the log of a server that does not run.
func (s *server) transactions() (txns []wire.Txn, err error) {
	err = s.Do(func() error {
		for t, err := range inspect.Transactions(osfs.FS{}, datadir.Layout{Data: s.data(), Log: s.data()}, inspect.Range{}) {
			if err != nil {
				return err
			}
			whole, err := wire.DecodeTxn(bytes.Clone(t.Raw))
			if err != nil {
				return err
			}
			txns = append(txns, whole)
		}
		return nil
	})
	return txns, err
}
