package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/zabra/zabra/client"
)

func followCommands() []*command {
	return []*command{
		{name: "watch", args: "[-d] [-n count] [path]", help: "print changes of a node and all below it, one a line, until Ctrl-C",
			options: []option{{"d", "", "with the data there is then"}, {"n", "count", "end after so many events"}}, paths: 1, max: 1, run: follow},
	}
}

// A changeView is one line of watch.
type changeView struct {
	Time     string  `json:"time"`
	Event    string  `json:"event"`
	Path     string  `json:"path"`
	Zxid     string  `json:"zxid,omitempty"`
	Data     *string `json:"data,omitempty"`
	Encoding string  `json:"encoding,omitempty"`

	at time.Time
}

// changes are the words and colours of the events.
var changes = map[client.EventType]struct {
	word string
	in   colour
}{
	client.EventCreated: {"created", green}, client.EventDeleted: {"deleted", red},
	client.EventDataChanged: {"changed", yellow}, client.EventGap: {"gap", bold},
}

func (v changeView) text(p *printer) {
	word, in := v.Event, colour("")
	for t, ch := range changes {
		if t.String() == v.Event {
			word, in = ch.word, ch.in
		}
	}
	p.printf("%s %s %s", p.paint(faint, v.at.Format("15:04:05.000")), p.paint(in, fmt.Sprintf("%-7s", word)), v.Path)
	if v.Data != nil {
		p.printf(" %q", *v.Data)
	}
	p.printf("\n")
}

// follow prints the events of a persistent recursive watch of its own.
func follow(ctx context.Context, c *call) error {
	most, err := c.number("n", 0, 1, 1<<31-1)
	if err != nil {
		return err
	}
	w, err := c.svc.AddWatch(ctx, c.path(), true)
	if err != nil {
		return err
	}
	defer w.Close()
	if c.cfg.Person {
		c.out.notice("watching %s; Ctrl-C ends it", c.path())
	}
	for n := int64(0); most == 0 || n < most; n++ {
		i, v, ok := c.await(ctx.Done(), w.C)
		if i == 0 {
			return nil // it is how this command is meant to end
		}
		if !ok {
			return client.ErrClosed
		}
		if err := c.change(ctx, v.Interface().(client.Event)); err != nil {
			return err
		}
		c.out.flush()
	}
	return nil
}

func (c *call) change(ctx context.Context, e client.Event) error {
	now := time.Now()
	v := changeView{Time: now.UTC().Format(time.RFC3339Nano), Event: e.Type.String(), Path: e.Path, at: now}
	if e.Zxid >= 0 {
		v.Zxid = e.Zxid.String()
	}
	if c.has("d") && (e.Type == client.EventCreated || e.Type == client.EventDataChanged) {
		data, _, err := c.svc.Get(ctx, e.Path)
		if err == nil { // it may be gone again, which the next event says
			var n nodeView
			n.setData(data)
			v.Data, v.Encoding = n.Data, n.Encoding
		}
	}
	return c.out.show(v, c.json)
}
