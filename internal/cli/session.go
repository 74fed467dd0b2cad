package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

func sessionCommands() []*command {
	return []*command{
		{name: "addauth", args: "scheme auth", help: "say who you are, as scheme:auth or in two words", min: 1, max: 2, run: addAuth},
		{name: "whoami", help: "print who the server takes you for", run: whoAmI},
		{name: "sync", args: "path", help: "wait until this server has all that was written", paths: 1, min: 1, max: 1, run: syncPath},
		{name: "version", help: "print the shell's version", alone: true, run: version},
		{name: "connect", args: "host:port", help: "open a session with other servers, or anew", max: 1, alone: true, run: connect},
		{name: "close", help: "end the session", alone: true, run: closeSession},
		{name: "history", help: "print the last commands", alone: true, run: history},
		{name: "redo", args: "cmdno", help: "run a command of the history again", min: 1, max: 1, alone: true, run: redo},
		{name: "help", args: "[command]", help: "print the commands, or all about one", max: 1, alone: true, run: help},
		{name: "quit", help: "leave", alone: true, run: quit},
		{name: "exit", help: "leave", alone: true, run: quit},
	}
}

// errQuit is how quit ends the shell.
var errQuit = errors.New("quit")

func quit(context.Context, *call) error { return errQuit }

func addAuth(ctx context.Context, c *call) error {
	scheme, data := c.args[0], ""
	if len(c.args) > 1 {
		data = c.args[1]
	}
	a := client.Auth{Scheme: scheme, Data: []byte(data)}
	if err := c.svc.AddAuth(ctx, a); err != nil {
		return about("", err)
	}
	c.auth = append(c.auth, a)
	return nil
}

// identities are those of the connection.
type identities []identityJSON

type identityJSON struct {
	Scheme string `json:"scheme"`
	User   string `json:"user"`
}

func (v identities) text(p *printer) {
	p.printf("Auth scheme: User\n")
	for _, id := range v {
		p.printf("%s: %s\n", id.Scheme, id.User)
	}
}

func whoAmI(ctx context.Context, c *call) error {
	list, err := c.svc.WhoAmI(ctx)
	if err != nil {
		return err
	}
	v := identities{}
	for _, id := range list {
		v = append(v, identityJSON{id.Scheme, id.User})
	}
	return c.show(v)
}

// syncLimit is how long zkCli waits for a sync.
const syncLimit = 30 * time.Second

// A messageView is a line that says that something is done.
type messageView struct {
	Message string `json:"message"`
}

func (v messageView) text(p *printer) { p.printf("%s\n", v.Message) }

func syncPath(ctx context.Context, c *call) error {
	ctx, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	err := c.svc.Sync(ctx, c.path())
	var code wire.Code
	if errors.As(err, &code) {
		return &explained{text: fmt.Sprintf("Sync has failed. rc=%d", int32(code)), err: err}
	}
	if err != nil {
		return err
	}
	return c.show(messageView{"Sync is OK"})
}

type versionView struct {
	Version string `json:"version"`
}

func (v versionView) text(p *printer) { p.printf("ZooKeeper CLI version: %s\n", v.Version) }

func version(_ context.Context, c *call) error { return c.show(versionView{c.cfg.Version}) }

func connect(ctx context.Context, c *call) error {
	servers := c.servers
	if len(c.args) > 0 {
		servers = c.args[0]
	}
	c.closeService()
	c.servers = servers
	return c.open(ctx)
}

func closeSession(_ context.Context, c *call) error {
	if c.svc == nil {
		return errNotConnected
	}
	c.closeService()
	return nil
}

// historyLines is how many lines zkCli prints besides the one of the command.
const historyLines = 10

type historyView struct {
	Number int    `json:"number"`
	Line   string `json:"line"`
}

func (v historyView) text(p *printer) { p.printf("%d - %s\n", v.Number, v.Line) }

func history(_ context.Context, c *call) error {
	for i := max(0, len(c.lines)-1-historyLines); i < len(c.lines); i++ {
		if err := c.show(historyView{i, concealed(c.lines[i])}); err != nil {
			return err
		}
	}
	return nil
}

// concealed is a line without the credentials in it.
func concealed(line string) string {
	if w := words(line); secret(line) && len(w) > 1 {
		return w[0] + " " + w[1] + " [concealed]"
	}
	return line
}

// secret reports whether a line bears credentials.
func secret(line string) bool {
	w := words(line)
	return len(w) > 0 && strings.EqualFold(w[0], "addauth")
}

func redo(ctx context.Context, c *call) error {
	n, err := strconv.Atoi(c.args[0])
	if err != nil || n < 0 || n >= len(c.lines)-1 {
		return errors.New("Command index out of range") //lint:ignore ST1005 these are zkCli's words
	}
	line := c.lines[n]
	args := words(line)
	if len(args) == 0 || strings.EqualFold(args[0], "redo") {
		return errors.New("No redoing redos") //lint:ignore ST1005 these are zkCli's words
	}
	c.lines[len(c.lines)-1] = line
	return c.Run(ctx, args)
}

type helpView struct{ lines string }

func (v helpView) text(p *printer) { p.printf("%s", v.lines) }

func help(_ context.Context, c *call) error {
	if len(c.args) == 0 {
		return c.out.show(helpView{Help()}, false)
	}
	cmd := find(c.args[0])
	if cmd == nil {
		return &UnknownCommand{c.args[0]}
	}
	return c.out.show(helpView{cmd.explanation()}, false)
}
