package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// commands are the admin server's, by every name they have.
var commands = strings.Fields(`
	configuration conf config connections cons connection_stat_reset crst dirs dump environment env envi
	get_trace_mask gtmk set_trace_mask?traceMask=306 hash is_read_only isro last_snapshot lsnp
	leader lead monitor mntr observer_connection_stat_reset orst ruok server_stats srvr stat_reset srst
	stats stat system_properties sysp voting_view watch_summary wchs watches wchc watches_by_path wchp
	zabstate initial_configuration icfg observers obsr nonsense snapshot restore
`)

// TestAdmin compares the shape of every command's JSON: keys and types, but not
// values.
func TestAdmin(t *testing.T) {
	p := startPair(t, harness.Config{"admin.enableServer": "true"})
	for _, c := range commands {
		t.Run(c, func(t *testing.T) {
			peer, subject := adminGet(t, p.peer, c), adminGet(t, p.subject, c)
			if peer.status != subject.status || peer.contentType != subject.contentType {
				t.Errorf("peer answers %d %s, subject %d %s", peer.status, peer.contentType, subject.status, subject.contentType)
			}
			compareShapes(t, c, peer.shape(t), subject.shape(t))
		})
	}
}

// An adminAnswer is one HTTP answer.
type adminAnswer struct {
	status      int
	contentType string
	body        []byte
}

func adminGet(t *testing.T, s *harness.Server, command string) adminAnswer {
	t.Helper()
	resp, err := http.Get("http://" + s.AdminAddr + "/commands/" + command)
	if err != nil {
		t.Fatalf("%s: %v", s.Kind, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", s.Kind, err)
	}
	return adminAnswer{resp.StatusCode, resp.Header.Get("Content-Type"), body}
}

// shape is the answer as lines: one key's path with its type. Values that are
// part of the contract (command, error) are kept.
func (a adminAnswer) shape(t *testing.T) []string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Errorf("%v in %q", err, a.body)
		return nil
	}
	lines := []string{fmt.Sprintf("style %v", strings.HasPrefix(string(a.body), "{\n  \"") && strings.Contains(string(a.body), "\" : "))}
	for _, k := range []string{"command", "error"} {
		lines = append(lines, fmt.Sprintf("%s = %v", k, v[k]))
	}
	return append(lines, shapeOf("", v)...)
}

// keyed are maps whose keys are data (ids, paths, times), not field names.
var keyed = []string{
	".expiry_time_to_session_ids", ".session_id_to_ephemeral_paths", ".session_id_to_watched_paths",
	".path_to_session_ids", ".current_config",
}

func shapeOf(path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		var lines []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			sub := path + "." + k
			if slices.Contains(keyed, path) {
				sub = path + ".KEY"
			}
			lines = append(lines, shapeOf(sub, v[k])...)
		}
		return append(lines, path+" object")
	case []any:
		lines := []string{path + " array"}
		for _, e := range v {
			lines = append(lines, shapeOf(path+"[]", e)...)
		}
		return lines
	case nil:
		return []string{path + " null"}
	}
	return []string{fmt.Sprintf("%s %T", path, v)}
}

// ownKeys are objects in which every server has its own keys.
var ownKeys = map[string]bool{"system_properties": true, "sysp": true}

func compareShapes(t *testing.T, command string, peer, subject []string) {
	t.Helper()
	slices.Sort(peer)
	slices.Sort(subject)
	peer, subject = slices.Compact(peer), slices.Compact(subject)
	if ownKeys[command] {
		return
	}
	for _, l := range missingFrom(subject, peer) {
		t.Errorf("missing: %s", l)
	}
	if more := missingFrom(peer, subject); len(more) > 0 {
		t.Logf("more than the reference: %v", more)
	}
}

// TestAdminFront wants a page with a link to every command.
func TestAdminFront(t *testing.T) {
	p := startPair(t, harness.Config{"admin.enableServer": "true"})
	links := func(s *harness.Server) []string {
		var all []string
		for _, part := range strings.Split(string(adminGet(t, s, "").body), "href=\"")[1:] {
			link, _, _ := strings.Cut(part, "\"")
			all = append(all, link)
		}
		slices.Sort(all)
		return all
	}
	peer := links(p.peer)
	if len(peer) < 20 {
		t.Fatalf("the peer links only %v", peer)
	}
	compareKeys(t, peer, links(p.subject))
}
