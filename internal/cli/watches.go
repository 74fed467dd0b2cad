package cli

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/zabra/zabra/client"
)

func watchCommands() []*command {
	return []*command{
		{name: "addWatch", args: "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
			help: "print changes from now on", options: []option{{"m", "mode", "PERSISTENT for the node alone, PERSISTENT_RECURSIVE for all below it"}},
			paths: 1, min: 1, max: 1, run: addWatch},
		{name: "removewatches", args: "path [-c|-d|-a] [-l]", help: "end watches of a path",
			options: []option{{"c", "", "of its children"}, {"d", "", "of its data"}, {"p", "", "persistent ones"}, {"r", "", "persistent recursive ones"},
				{"a", "", "all, as without an option"}, {"l", "", "even without a connection"}},
			paths: 1, min: 1, max: 1, run: removeWatches},
		{name: "printwatches", args: "on|off", help: "print events, or do not", max: 1, alone: true, run: printWatches},
	}
}

// A watchKind is what zkCli tells watches apart by.
type watchKind int

const (
	dataKind watchKind = iota // of a node, or of one that is not there
	childKind
	persistentKind
	recursiveKind
)

// removedEvent is what the end of a watch is called; zkCli does not tell the persistent
// ones apart.
var removedEvent = [...]string{"DataWatchRemoved", "ChildWatchRemoved", "PersistentWatchRemoved", "PersistentWatchRemoved"}

// A watchKey tells watches apart: one of a kind and path is enough.
type watchKey struct {
	kind watchKind
	path string
}

// watches are those that commands have left. Order is that in which they were.
type watches struct {
	keys []watchKey
	set  []*client.Watch

	told [64]client.Event // the last events that were printed
	next int
}

func (w *watches) index(k watchKey) int {
	for i := range w.keys {
		if w.keys[i] == k {
			return i
		}
	}
	return -1
}

// keep takes a watch in, unless there is one of its kind and path.
func (w *watches) keep(k watchKey, watch *client.Watch) {
	if w.index(k) >= 0 {
		watch.Close()
		return
	}
	w.keys, w.set = append(w.keys, k), append(w.set, watch)
}

func (w *watches) drop(i int) {
	w.keys = append(w.keys[:i], w.keys[i+1:]...)
	w.set = append(w.set[:i], w.set[i+1:]...)
}

// anew reports whether an event was not printed yet: several watches tell of one
// change. Servers before 3.9 do not say which change it was.
func (w *watches) anew(e client.Event) bool {
	if e.Zxid < 0 || e.Type == client.EventGap {
		return true
	}
	for _, t := range w.told {
		if t == e {
			return false
		}
	}
	w.told[w.next%len(w.told)] = e
	w.next++
	return true
}

// children, data and exists are what reads do that may leave a watch.

func (c *call) children(ctx context.Context, path string, watch bool) ([]string, client.Stat, error) {
	if !watch {
		return c.svc.Children(ctx, path)
	}
	names, st, w, err := c.svc.ChildrenW(ctx, path)
	if err == nil {
		c.watches.keep(watchKey{childKind, path}, w)
	}
	return names, st, err
}

func (c *call) data(ctx context.Context, path string, watch bool) ([]byte, client.Stat, error) {
	if !watch {
		return c.svc.Get(ctx, path)
	}
	data, st, w, err := c.svc.GetW(ctx, path)
	if err == nil {
		c.watches.keep(watchKey{dataKind, path}, w)
	}
	return data, st, err
}

func (c *call) exists(ctx context.Context, path string, watch bool) (client.Stat, bool, error) {
	if !watch {
		return c.svc.Exists(ctx, path)
	}
	st, ok, w, err := c.svc.ExistsW(ctx, path)
	if err == nil {
		c.watches.keep(watchKey{dataKind, path}, w)
	}
	return st, ok, err
}

func addWatch(ctx context.Context, c *call) error {
	kind := recursiveKind
	switch mode := c.flags["m"]; strings.ToUpper(mode) {
	case "", "PERSISTENT_RECURSIVE":
	case "PERSISTENT":
		kind = persistentKind
	default:
		return c.usage("")
	}
	w, err := c.svc.AddWatch(ctx, c.path(), kind == recursiveKind)
	if err != nil {
		return err
	}
	c.watches.keep(watchKey{kind, c.path()}, w)
	c.jsonEvents = c.json
	return nil
}

func removeWatches(_ context.Context, c *call) error {
	kinds := []watchKind{childKind, dataKind, persistentKind, recursiveKind}
	for i, name := range []string{"c", "d", "p", "r"} {
		if c.has(name) {
			kinds = kinds[i : i+1]
			break
		}
	}
	if s := c.svc.State(); s != client.Connected && s != client.ConnectedReadOnly && !c.has("l") {
		return about(c.path(), client.ErrConnectionLost)
	}
	n := 0
	for _, kind := range kinds {
		if i := c.watches.index(watchKey{kind, c.path()}); i >= 0 {
			c.watches.set[i].Close()
			c.watches.drop(i)
			c.event(eventView{Event: removedEvent[kind], Path: c.path(), zxid: -1, state: c.keeperState()})
			n++
		}
	}
	if n == 0 {
		return about(c.path(), client.ErrNoWatcher)
	}
	return nil
}

func printWatches(_ context.Context, c *call) error {
	if len(c.args) == 0 {
		return c.show(onOffView{c.printWatches})
	}
	c.printWatches = c.args[0] == "on"
	return nil
}

type onOffView struct {
	On bool `json:"printwatches"`
}

func (v onOffView) text(p *printer) {
	p.printf("printwatches is %s\n", map[bool]string{true: "on", false: "off"}[v.On])
}

// An eventView is an event: of a watch, or of the session.
type eventView struct {
	Event string `json:"event"`
	Path  string `json:"path,omitempty"`
	Zxid  string `json:"zxid,omitempty"`
	State string `json:"state,omitempty"`

	state string
	zxid  int64
}

func (v eventView) text(p *printer) {
	path := v.Path
	if path == "" {
		path = "null"
	}
	p.printf("\nWATCHER::\n\nWatchedEvent state:%s type:%s path:%s zxid: %d\n", v.state, v.Event, path, v.zxid)
}

// event prints an event, if events are to be printed.
func (s *Shell) event(v eventView) {
	if !s.printWatches {
		return
	}
	if v.Zxid == "" && v.zxid >= 0 {
		v.Zxid = client.Zxid(v.zxid).String()
	}
	if err := s.out.show(v, s.cfg.JSON || s.jsonEvents); err != nil {
		s.out.notice("event: %v", err)
	}
	s.out.flush()
}

func (s *Shell) watchEvent(e client.Event) {
	switch {
	case e.Type == client.EventGap:
		s.out.notice("events of %s may be missing here: the connection was lost, or there were too many", e.Path)
	case s.watches.anew(e):
		s.event(eventView{Event: e.Type.String(), Path: e.Path, zxid: int64(e.Zxid), state: s.keeperState()})
	}
}

// keeperState is the state of the connection in events.
func (s *Shell) keeperState() string {
	if s.svc != nil && s.svc.State() == client.ConnectedReadOnly {
		return "ConnectedReadOnly"
	}
	return "SyncConnected"
}

var stateNames = map[client.State]string{
	client.Connecting: "Disconnected", client.Connected: "SyncConnected", client.ConnectedReadOnly: "ConnectedReadOnly",
	client.Expired: "Expired", client.Closed: "Closed",
}

// stateEvent prints a change of the connection as zkCli does.
func (s *Shell) stateEvent(ch client.StateChange) {
	name := stateNames[ch.State]
	s.event(eventView{Event: "None", State: name, state: name, zxid: -1})
	if ch.State == client.Expired {
		s.out.notice("the session is over: its ephemeral nodes and one-time watches are gone; a new one is being opened")
	}
	if ch.State == client.Closed && errors.Is(ch.Err, client.ErrAuthFailed) {
		s.out.notice("%v", ch.Err)
	}
}

// sources are what can be received from while no command runs: the line, an
// interrupt, the session's states, and all watches.
func (s *Shell) sources(fixed ...any) []reflect.SelectCase {
	var cases []reflect.SelectCase
	for _, ch := range append(fixed, s.states) {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)})
	}
	for _, w := range s.watches.set {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(w.C)})
	}
	return cases
}

// drain prints the events that are there, in the order of the changes.
func (s *Shell) drain() {
	s.drainStates()
	s.drainWatches(nil)
}

// drainWatches prints events, and what else is there.
func (s *Shell) drainWatches(events []client.Event) {
	for i := 0; i < len(s.watches.set); {
		select {
		case e, ok := <-s.watches.set[i].C:
			if !ok {
				s.watches.drop(i)
				continue
			}
			events = append(events, e)
		default:
			i++
		}
	}
	slices.SortStableFunc(events, func(a, b client.Event) int {
		// Of one change, servers tell the node's own event before that of its parent.
		return cmp.Or(cmp.Compare(a.Zxid, b.Zxid), cmp.Compare(a.Type, b.Type))
	})
	for _, e := range events {
		s.watchEvent(e)
	}
}

func (s *Shell) drainStates() {
	for {
		select {
		case ch, ok := <-s.states:
			if !ok {
				s.states = nil
				return
			}
			s.stateEvent(ch)
		default:
			return
		}
	}
}

// await blocks until one of the fixed channels has something, and prints events
// meanwhile. It returns which, and what.
func (s *Shell) await(fixed ...any) (int, reflect.Value, bool) {
	for {
		i, v, ok := reflect.Select(s.sources(fixed...))
		switch at := i - len(fixed); {
		case at < 0:
			return i, v, ok
		case at == 0 && !ok:
			s.states = nil
		case at == 0:
			s.stateEvent(v.Interface().(client.StateChange))
		case !ok:
			s.watches.drop(at - 1)
		default:
			s.drainWatches([]client.Event{v.Interface().(client.Event)})
		}
	}
}
