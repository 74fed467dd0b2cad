package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
)

// A registration is what zabra register is asked to do.
type registration struct {
	connection
	base, address, id, payload string
	sslPort                    int
	drain                      time.Duration
	health                     health
}

func newRegister() *cobra.Command {
	var r registration
	cmd := &cobra.Command{
		Use:   "register SERVICE --address HOST:PORT [-- COMMAND [ARGUMENT...]]",
		Short: "Register a service for as long as a command runs",
		Long: `Register tells others, by a node in Curator's layout of service discovery, that
SERVICE is to be had at an address, for as long as the command runs; without one,
until it is told to end by SIGTERM or Ctrl-C. The exit code is the command's.

The node goes when the command ends, and before the command is told of a signal;
with --drain it has that long between the two to finish what it was asked. If the
service is not reached for the session timeout the node goes, and comes back when
it is.

With --health the instance is registered only while that shell command succeeds.

The command finds the instance's id in ZABRA_INSTANCE_ID.

` + accessHelp,
		Example: `  zabra register web --address 10.0.0.1:8080 -- ./web --port 8080
  zabra register web --address 10.0.0.1:8080 --health 'curl -sf http://10.0.0.1:8080/health' -- ./web
  zabra register db --address 10.0.0.2:5432 --id db-1 --payload '{"zone":"a"}'`,
		Args: usageArgs(registerArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := r.instance(args[0])
			if err = errors.Join(err, r.health.validate()); err != nil {
				return usageError{err}
			}
			c, err := r.open(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			return r.run(cmd, c, i, args[1:])
		},
	}
	f := cmd.Flags()
	r.connection.flags(f)
	f.StringVar(&r.base, "base", "/services", "path of the catalogue")
	f.StringVar(&r.address, "address", "", "host:port at which the service is to be had")
	f.IntVar(&r.sslPort, "ssl-port", 0, "port at which it is to be had by TLS; 0: none")
	f.StringVar(&r.id, "id", "", "id of the instance, of which there must be one at a time; random unless given")
	f.StringVar(&r.payload, "payload", "", "JSON that belongs to the instance")
	f.DurationVar(&r.drain, "drain", 0, "time between the end of the registration and the signal to the command")
	f.StringVar(&r.health.command, "health", "", "shell command that succeeds while the instance may be registered")
	f.DurationVar(&r.health.interval, "health-interval", 10*time.Second, "time between two checks, and at most for one")
	f.IntVar(&r.health.failures, "health-failures", 3, "failed checks in a row that end the registration")
	_ = cmd.MarkFlagRequired("address") // fails only if there is no such flag
	return cmd
}

// registerArgs wants SERVICE, or SERVICE -- COMMAND.
func registerArgs(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash != 1 || dash < len(args) && args[dash] == "" {
		return errors.New("want SERVICE [-- COMMAND [ARGUMENT...]]")
	}
	return nil
}

// instance is what is registered.
func (r *registration) instance(service string) (*recipes.Instance, error) {
	host, portText, err := net.SplitHostPort(r.address)
	if err != nil {
		return nil, fmt.Errorf("--address %q: want host:port", r.address)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || host == "" {
		return nil, fmt.Errorf("--address %q: want host:port, with a port from 1 to 65535", r.address)
	}
	n := int(port)
	i := &recipes.Instance{Name: service, ID: r.id, Address: host, Port: &n}
	if r.sslPort < 0 || r.sslPort > 65535 {
		return nil, fmt.Errorf("--ssl-port %d: want a port", r.sslPort)
	}
	if r.sslPort > 0 {
		i.SSLPort = &r.sslPort
	}
	if r.payload != "" {
		if !json.Valid([]byte(r.payload)) {
			return nil, fmt.Errorf("--payload %q: it is no JSON; text needs quotes of its own", r.payload)
		}
		i.Payload = json.RawMessage(r.payload)
	}
	if !strings.HasPrefix(r.base, "/") {
		return nil, fmt.Errorf("--base %q: want a path, which begins with /", r.base)
	}
	for what, name := range map[string]string{"SERVICE": service, "--id": r.id} {
		if what == "SERVICE" && name == "" || strings.Contains(name, "/") || name == "." || name == ".." {
			return nil, fmt.Errorf("%s %q: want a name of a node", what, name)
		}
	}
	return i, nil
}

// run keeps the instance registered while the command runs.
func (r *registration) run(cmd *cobra.Command, c *client.Client, i *recipes.Instance, args []string) error {
	if i.ID == "" {
		i.ID = rand.Text()
	}
	keeping, stop := context.WithCancel(cmd.Context())
	defer stop()
	kept := make(chan error, 1)
	k := &keeper{cmd: cmd, catalogue: recipes.NewDiscovery(c, r.base), instance: i, health: r.health}
	go func() { kept <- k.keep(keeping) }()
	if len(args) == 0 {
		return <-kept
	}
	running, end := context.WithCancel(context.WithoutCancel(cmd.Context()))
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- newChild(running, cmd, args, "ZABRA_INSTANCE_ID="+i.ID).run() }()
	select {
	case err := <-ended:
		stop()
		<-kept
		return err
	case err := <-kept: // told to end, or it cannot be registered
		if err != nil {
			end()
			<-ended
			return err
		}
		time.AfterFunc(r.drain, end)
		return <-ended
	}
}

// A keeper has an instance registered while it is healthy.
type keeper struct {
	cmd       *cobra.Command
	catalogue *recipes.Discovery
	instance  *recipes.Instance
	health    health
	present   *recipes.Presence // nil while it is not registered
}

// keep returns when the context ends and the instance is not registered any more. An
// error says that it cannot be registered.
func (k *keeper) keep(ctx context.Context) error {
	defer k.withdraw()
	for failed := 0; ; {
		bad := k.health.check(ctx)
		if bad == nil {
			failed = 0
		} else {
			failed++
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case bad == nil && k.present == nil:
			if err := k.register(ctx); err != nil {
				return err
			}
		case k.present != nil && failed >= k.health.failures:
			k.say("%s is not registered any more until it is well: %v", k.instance.Name, bad)
			k.withdraw()
		}
		if !k.health.pause(ctx) {
			return nil
		}
	}
}

func (k *keeper) say(format string, args ...any) {
	fmt.Fprintf(k.cmd.ErrOrStderr(), "register: "+format+"\n", args...)
}

// register registers the instance as soon as the service is there. It gives up when the
// context ends, or if it is refused.
func (k *keeper) register(ctx context.Context) error {
	for ctx.Err() == nil {
		i := *k.instance
		p, err := k.catalogue.Register(ctx, &i)
		if err == nil {
			k.present = p
			if len(k.cmd.Flags().Args()) == 1 || k.health.command != "" {
				k.say("registered as %s", p.Path())
			}
			return nil
		}
		if !errors.Is(err, client.ErrNoConnection) && !errors.Is(err, client.ErrSessionExpired) && ctx.Err() == nil {
			return fmt.Errorf("register %s: %w", k.instance.Name, err)
		}
	}
	return nil
}

// withdrawal is how long the end of a registration may take. If it takes longer, the end
// of the session ends it.
const withdrawal = 5 * time.Second

// withdraw ends the registration, if there is one.
func (k *keeper) withdraw() {
	if k.present == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.cmd.Context()), withdrawal)
	defer cancel()
	if err := k.present.Close(ctx); err != nil {
		k.say("%v; the instance goes with the session", err)
	}
	k.present = nil
}

// health says whether an instance is well.
type health struct {
	command  string // "": it is
	interval time.Duration
	failures int
}

func (h *health) validate() error {
	switch {
	case h.interval <= 0:
		return fmt.Errorf("--health-interval %v: want more", h.interval)
	case h.failures < 1:
		return fmt.Errorf("--health-failures %d: want at least 1", h.failures)
	}
	return nil
}

// check runs the command.
func (h *health) check(ctx context.Context) error {
	if h.command == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.interval, fmt.Errorf("it took longer than %v", h.interval))
	defer cancel()
	run := exec.CommandContext(ctx, "sh", "-c", h.command)
	run.WaitDelay = time.Second
	out, err := run.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	last := strings.TrimSpace(string(out))
	last = last[strings.LastIndexByte(last, '\n')+1:]
	return fmt.Errorf("%s: %w %.200s", h.command, err, last)
}

// pause waits for the next check, without a command for ever. It reports whether there
// is to be one.
func (h *health) pause(ctx context.Context) bool {
	var next <-chan time.Time
	if h.command != "" {
		next = time.After(h.interval)
	}
	select {
	case <-next:
		return true
	case <-ctx.Done():
		return false
	}
}
