package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/zabra/zabra/wire"
)

// errOther says that the admin server at a host is not that of the server in question.
var errOther = errors.New("the admin server at that port is another server's")

var errNoAdmin = errors.New("its admin server was not asked")

// command asks an admin server.
func (a *Asker) command(ctx context.Context, address, command string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/commands/"+command, nil)
	if err != nil {
		return err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return err
	}
	var failure struct {
		Error *string `json:"error"`
	}
	if err := json.Unmarshal(text, &failure); err != nil {
		return fmt.Errorf("http://%s/: it is no admin server: %w", address, err)
	}
	if failure.Error != nil && *failure.Error == notServing {
		return errNotServing
	}
	return json.Unmarshal(text, answer)
}

// admin asks the admin server of the server at an address.
func (a *Asker) admin(ctx context.Context, address string) (*Server, error) {
	if a.o.AdminPort == 0 {
		return nil, errNoAdmin
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	at := net.JoinHostPort(host, strconv.Itoa(a.o.AdminPort))
	var whose struct {
		ClientPort int   `json:"client_port"`
		ServerID   int64 `json:"server_id"`
	}
	if err := a.command(ctx, at, "configuration", &whose); err != nil {
		return nil, err
	}
	if strconv.Itoa(whose.ClientPort) != port {
		return nil, errOther
	}
	id := wire.SID(whose.ServerID)
	s := &Server{ID: &id}
	if err := a.stats(ctx, at, s); err != nil {
		return nil, err
	}
	var facts map[string]any
	if err := a.command(ctx, at, "monitor", &facts); err != nil {
		return nil, err
	}
	s.monitor(texts(facts))
	return s, nil
}

// serverStats is what is read of the admin command server_stats.
type serverStats struct {
	Version   string `json:"version"`
	ReadOnly  bool   `json:"read_only"`
	NodeCount int64  `json:"node_count"`
	Stats     struct {
		Zxid        int64   `json:"last_processed_zxid"`
		State       string  `json:"server_state"`
		Outstanding int64   `json:"outstanding_requests"`
		Connections int64   `json:"num_alive_client_connections"`
		Min         int64   `json:"min_latency"`
		Avg         float64 `json:"avg_latency"`
		Max         int64   `json:"max_latency"`
	} `json:"server_stats"`
}

func (a *Asker) stats(ctx context.Context, at string, s *Server) error {
	var r serverStats
	if err := a.command(ctx, at, "server_stats", &r); err != nil {
		return err
	}
	s.Version, s.Role, s.Nodes = r.Version, r.Stats.State, &r.NodeCount
	s.setZxid(wire.Zxid(r.Stats.Zxid))
	s.Latency = &Latency{r.Stats.Min, r.Stats.Avg, r.Stats.Max}
	s.Connections, s.Outstanding = &r.Stats.Connections, &r.Stats.Outstanding
	return nil
}

// texts are the values of an object that are numbers or strings.
func texts(facts map[string]any) map[string]string {
	all := map[string]string{}
	for k, v := range facts {
		switch v := v.(type) {
		case string:
			all[k] = v
		case float64:
			all[k] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return all
}
