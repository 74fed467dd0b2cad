package admin

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"go.uber.org/zap"
)

//go:embed front.html
var frontHTML string

// frontTemplate is the page for people. It is one file without scripts, and a
// mistake in it is one of this package, so it panics.
func frontTemplate() *template.Template {
	return template.Must(template.New("front").Parse(frontHTML))
}

// A frontPage is what the page shows.
type frontPage struct {
	Status
	State    string // serving, read-only, not serving
	Class    string // its colour in the style sheet
	Uptime   string
	Latency  string
	Received int64
	Sent     int64
	Peer     string // empty standalone
	Leader   string
	Base     string // of the commands' links
	Commands []frontCommand
}

type frontCommand struct {
	Name, Aliases, Help string
	Link                bool
}

func (a *Admin) serveFront(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	if err := a.front.Execute(&page, a.frontPage()); err != nil {
		a.log.Error("front page failed", zap.Error(err))
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Write(page.Bytes())
}

func (a *Admin) frontPage() frontPage {
	s := a.node.Status()
	l := a.metrics.RequestLatency()
	p := frontPage{
		Status:   s,
		Uptime:   s.Uptime.Round(time.Second).String(),
		Latency:  metrics.Int(l.Min).String() + " / " + metrics.FormatDouble(l.Avg) + " / " + metrics.Int(l.Max).String(),
		Received: a.metrics.PacketsReceived.Load(),
		Sent:     a.metrics.PacketsSent.Load(),
		Base:     strings.TrimRight(a.opts.CommandURL, "/"),
	}
	p.State, p.Class = s.state()
	if e := a.node.Ensemble(); e != nil {
		p.Peer, p.Leader = e.PeerState, e.LeaderIP
	}
	for _, c := range a.primaries() {
		p.Commands = append(p.Commands, frontCommand{
			Name:    c.primary(),
			Aliases: strings.Join(c.names[1:], ", "),
			Help:    c.help,
			Link:    !c.post && !c.changes,
		})
	}
	return p
}

// state names the state and its colour.
func (s Status) state() (word, class string) {
	switch {
	case !s.Serving:
		return "not serving", "down"
	case s.ReadOnly:
		return "read-only", "limited"
	case s.Trouble != "":
		return s.Trouble, "limited"
	}
	return "serving", "up"
}
