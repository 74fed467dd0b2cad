package admin

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

// Handler serves everything of the admin port; see the package comment.
func (a *Admin) Handler() http.Handler { return http.HandlerFunc(a.serve) }

// MetricsHandler serves /metrics alone, for metricsProvider.httpPort.
func (a *Admin) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", a.scrape)
	return mux
}

func (a *Admin) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if name, isCommand := a.commandName(r.URL.Path); isCommand {
		a.serveCommand(w, r, name)
		return
	}
	page := a.page(r.URL.Path)
	switch {
	case page == nil:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is served here", http.StatusMethodNotAllowed)
	default:
		page(w, r)
	}
}

// page is what serves a path that is no command, nil if nothing does.
func (a *Admin) page(path string) http.HandlerFunc {
	switch path {
	case "/":
		return a.serveFront
	case "/metrics":
		return a.scrape.ServeHTTP
	case "/healthz":
		return a.serveHealth
	case "/readyz":
		return a.serveReady
	}
	return nil
}

// commandName is what follows the command URL in the path.
func (a *Admin) commandName(path string) (string, bool) {
	rest, found := strings.CutPrefix(path, strings.TrimRight(a.opts.CommandURL, "/"))
	if !found || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.TrimPrefix(rest, "/"), true
}

func (a *Admin) serveCommand(w http.ResponseWriter, r *http.Request, name string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "commands take GET or POST", http.StatusMethodNotAllowed)
		return
	}
	if name == "" {
		a.serveIndex(w)
		return
	}
	c := a.commands[name]
	if c == nil {
		a.reply(w, name, failed(http.StatusOK, "Unknown command: "+name))
		return
	}
	body := r.Body
	if c.needsAuth {
		a.bePatient(w, r)
	}
	resp := a.runCommand(c, r)
	r.Body = body // net/http knows its own, and does not read what a refused caller has announced before it answers
	a.reply(w, c.primary(), resp)
}

func (a *Admin) serveIndex(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	base := strings.TrimRight(a.opts.CommandURL, "/")
	for _, c := range a.primaries() {
		fmt.Fprintf(w, "<a href=\"%s/%s\">%s</a>\n<br/>\n", html.EscapeString(base), c.primary(), c.primary())
	}
}

// reply sends a command's answer.
func (a *Admin) reply(w http.ResponseWriter, name string, resp response) {
	for key, values := range resp.header {
		w.Header()[key] = values
	}
	if resp.stream != nil {
		a.stream(w, name, resp)
		return
	}
	body := appendJSON(nil, resp.object(name), 0)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(resp.code())
	a.patientWriter(w).Write(body)
}

func (r response) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// object is the answer's JSON: the command's own fields, then its name and the
// error, which a command that fails by itself has among its fields already.
func (r response) object(name string) object {
	o := append(object{}, r.fields...)
	o = append(o, field{"command", name})
	switch {
	case r.fields.has("error"):
		return o
	case r.err != "":
		return append(o, field{"error", r.err})
	}
	return append(o, field{"error", nil})
}

func (a *Admin) stream(w http.ResponseWriter, name string, resp response) {
	defer resp.stream.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(resp.size, 10))
	w.WriteHeader(resp.code())
	if _, err := io.Copy(a.patientWriter(w), resp.stream); err != nil {
		a.log.Warn("sending an answer failed", zap.String("command", name), zap.Error(err))
	}
}

// bePatient lets a command that moves a snapshot take its time, as long as bytes
// keep coming: the server's deadlines for a whole request would cut it off.
// Servers without deadlines, as in tests, say so by an error that does not
// matter.
func (a *Admin) bePatient(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.Method == http.MethodPost {
		r.Body = &patientReader{r.Body, control, a.opts.IdleTimeout}
		return
	}
	control.SetReadDeadline(time.Time{})
}

// A patientReader moves the deadline on before every read.
type patientReader struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
}

func (p *patientReader) Read(b []byte) (int, error) {
	p.control.SetReadDeadline(time.Now().Add(p.idle))
	return p.ReadCloser.Read(b)
}

// A patientWriter moves the deadline on before every write.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
	idle    time.Duration
}

func (a *Admin) patientWriter(w http.ResponseWriter) *patientWriter {
	return &patientWriter{w: w, control: http.NewResponseController(w), idle: a.opts.IdleTimeout}
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(p.idle))
	return p.w.Write(b)
}

func (a *Admin) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok\n")
}

func (a *Admin) serveReady(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !a.node.Status().Serving {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "not serving\n")
		return
	}
	io.WriteString(w, "ready\n")
}
