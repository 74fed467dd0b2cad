package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/properties"
)

func ensembleCommands() []*command {
	return []*command{
		{name: "config", args: "[-c] [-w] [-s]", help: "print the ensemble's configuration",
			options: []option{{"c", "", "as a connect string of its servers"}, optWatch, optStat}, run: config},
		{name: "reconfig", args: "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | " +
			"[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]", help: "change who belongs to the ensemble",
			options: []option{optStat, {"v", "version", "only if the configuration has this version, in hexadecimal"},
				{"file", "path", "all members, from a dynamic configuration file"}, {"members", "list", "all members"},
				{"add", "list", "members to add or change"}, {"remove", "ids", "members to remove"}},
			run: reconfig},
	}
}

const configPath = "/zookeeper/config"

// A configView is the configuration of an ensemble.
type configView struct {
	Config  string    `json:"config,omitempty"`
	Connect string    `json:"connect,omitempty"`
	Stat    *statJSON `json:"stat,omitempty"`

	before string
}

func (v configView) text(p *printer) {
	p.printf("%s%s%s\n", v.before, v.Config, v.Connect)
	if v.Stat != nil {
		p.printf("%s", statText(v.Stat.stat))
	}
}

func (c *call) showConfig(v configView, st client.Stat) error {
	if c.has("s") {
		v.Stat = statForJSON(&st)
	}
	return c.show(v)
}

func config(ctx context.Context, c *call) error {
	data, st, err := c.ensemble(ctx)
	if err != nil {
		return about(configPath, err)
	}
	text := string(data)
	if data == nil {
		text = "null"
	}
	if c.has("c") {
		return c.showConfig(configView{Connect: connectString(text)}, st)
	}
	return c.showConfig(configView{Config: text}, st)
}

// ensemble reads the configuration, and leaves a watch if that is asked for.
func (c *call) ensemble(ctx context.Context) ([]byte, client.Stat, error) {
	if !c.has("w") {
		return c.svc.Ensemble(ctx)
	}
	data, st, w, err := c.svc.EnsembleW(ctx)
	if err == nil {
		c.watches.keep(watchKey{dataKind, configPath}, w)
	}
	return data, st, err
}

// connectString is the version of a configuration and where its servers listen for
// clients.
func connectString(config string) string {
	var addrs []string
	version := ""
	props, _ := properties.Parse([]byte(config)) // what can be read of it is shown
	for _, p := range props {
		_, addr, found := strings.Cut(p.Value, ";")
		switch {
		case p.Key == "version":
			version = p.Value
		case strings.HasPrefix(p.Key, "server.") && found:
			addrs = append(addrs, strings.TrimSpace(addr))
		}
	}
	return version + " " + strings.Join(addrs, ",")
}

func reconfig(ctx context.Context, c *call) error {
	r, err := c.reconfig()
	if err != nil {
		return err
	}
	data, st, err := c.svc.Reconfigure(ctx, r)
	if err != nil {
		return err
	}
	return c.showConfig(configView{before: "Committed new configuration:\n", Config: string(data)}, st)
}

// reconfig reads the options into a request.
func (c *call) reconfig() (r client.Reconfig, err error) {
	r.Version = client.AnyVersion
	all, some := c.has("file") || c.has("members"), c.has("add") || c.has("remove")
	switch {
	case !all && !some:
		return r, c.usage("")
	case all && some:
		return r, c.usage("Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is not allowed)")
	case c.has("file") && c.has("members"):
		return r, c.usage("Can't use -file and -members together (conflicting non-incremental modes)")
	}
	if v, ok := c.flags["v"]; ok {
		if r.Version, err = strconv.ParseInt(v, 16, 64); err != nil {
			return r, c.usage("-v must be followed by a long (configuration version)")
		}
	}
	r.Joining = strings.ToLower(c.flags["add"])
	r.Leaving = strings.ToLower(c.flags["remove"])
	r.Members = strings.ToLower(c.flags["members"])
	if c.has("file") {
		r.Members, err = membersOf(c.flags["file"])
	}
	return r, err
}

// membersOf reads the members from a dynamic configuration file.
func membersOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reconfig -file: %w", err)
	}
	props, err := properties.Parse(text)
	if err != nil {
		return "", fmt.Errorf("reconfig -file %s: %w", path, err)
	}
	var lines []string
	for _, p := range properties.LastOfEach(props) {
		if strings.HasPrefix(p.Key, "server.") || strings.HasPrefix(p.Key, "group.") || strings.HasPrefix(p.Key, "weight.") {
			lines = append(lines, p.Key+"="+p.Value)
		}
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("reconfig -file %s: there is no server in it", path)
	}
	return strings.Join(lines, "\n"), nil
}
