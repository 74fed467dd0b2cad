package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/client"
)

func quotaCommands() []*command {
	return []*command{
		{name: "setquota", args: "-n|-b|-N|-B val path", help: "limit nodes and bytes below a path",
			options: []option{{"n", "val", "nodes, soft: the server warns in its log"}, {"b", "val", "bytes, soft"},
				{"N", "val", "nodes, hard: the server refuses more"}, {"B", "val", "bytes, hard"}},
			paths: 1, min: 1, max: 1, run: setQuota},
		{name: "listquota", args: "path", help: "print limits and what is used", paths: 1, min: 1, max: 1, run: listQuota},
		{name: "delquota", args: "[-n|-b|-N|-B] path", help: "remove one limit, or all",
			options: []option{{"n", "", "nodes, soft"}, {"b", "", "bytes, soft"}, {"N", "", "nodes, hard"}, {"B", "", "bytes, hard"}},
			paths:   1, min: 1, max: 1, run: delQuota},
	}
}

// Where servers keep quotas.
const (
	quotaRoot  = "/zookeeper/quota"
	limitsNode = "zookeeper_limits"
	statsNode  = "zookeeper_stats"
)

// quotaPath is the node below which the quota of path is.
func quotaPath(path string) string {
	if path == "/" {
		return quotaRoot
	}
	return quotaRoot + path
}

func limitsPath(path string) string { return quotaPath(path) + "/" + limitsNode }
func statsPath(path string) string  { return quotaPath(path) + "/" + statsNode }

// quotaKeys are the keys in the limits, by the option that sets them.
var quotaKeys = map[string]string{"n": "count", "b": "bytes", "N": "countHardLimit", "B": "byteHardLimit"}

// A track is the text of a limits or stats node: keys and numbers.
type track map[string]int64

func parseTrack(data []byte) (track, error) {
	t := track{}
	for _, pair := range strings.FieldsFunc(string(data), func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		value = strings.TrimSuffix(value, "=") // behind bytes, where older servers stop to read
		if value == "" {
			value = "-1"
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("quota %q: %q is no number", data, value)
		}
		t[key] = n
	}
	return t, nil
}

func (t track) get(key string) int64 {
	if n, ok := t[key]; ok {
		return n
	}
	return -1
}

// String is what the node holds: count and bytes first, and the rest behind a "=" that
// keeps servers before 3.7 from reading it.
func (t track) String() string {
	s := fmt.Sprintf("count=%d,bytes=%d", t.get("count"), t.get("bytes"))
	var rest []string
	for key, n := range t {
		if key != "count" && key != "bytes" {
			rest = append(rest, fmt.Sprintf(";%s=%d", key, n))
		}
	}
	if len(rest) == 0 {
		return s
	}
	slices.Sort(rest)
	return s + "=" + strings.Join(rest, "")
}

func (c *call) track(ctx context.Context, path string) (track, error) {
	data, _, err := c.svc.Get(ctx, path)
	if err != nil {
		return nil, err
	}
	return parseTrack(data)
}

// quotaOptions are the limits that a command names.
func (c *call) quotaOptions() (track, error) {
	t := track{}
	for _, name := range []string{"n", "b", "N", "B"} {
		if !c.has(name) {
			continue
		}
		least, most, what := int64(1), int64(math.MaxInt32), "the num quota must be greater than zero"
		if name == "b" || name == "B" {
			least, most, what = 0, math.MaxInt64, "the bytes quota must be greater than or equal to zero"
		}
		n, err := c.number(name, 0, math.MinInt64, most)
		if err != nil {
			return nil, err
		}
		if n < least {
			return nil, c.usage(what)
		}
		t[quotaKeys[name]] = n
	}
	if len(t) != 1 {
		return nil, c.usage("")
	}
	return t, nil
}

func setQuota(ctx context.Context, c *call) error {
	limits, err := c.quotaOptions()
	if err != nil {
		return err
	}
	path := c.path()
	if strings.HasPrefix(path, quotaRoot) {
		return c.usage("cannot set a quota under the path: " + quotaRoot)
	}
	if err := c.mayHaveQuota(ctx, path); err != nil {
		return err
	}
	existing, err := c.track(ctx, limitsPath(path))
	if errors.Is(err, client.ErrNoNode) {
		return c.newQuota(ctx, path, limits)
	}
	if err != nil {
		return err
	}
	for key, n := range limits {
		existing[key] = n
	}
	if err := c.warnExceeded(ctx, path, existing); err != nil {
		return err
	}
	_, err = c.svc.Set(ctx, limitsPath(path), []byte(existing.String()), client.AnyVersion)
	return err
}

// mayHaveQuota looks whether there is a node, and no quota above or below it.
func (c *call) mayHaveQuota(ctx context.Context, path string) error {
	if _, ok, err := c.svc.Exists(ctx, path); err != nil || !ok {
		if err == nil {
			err = fmt.Errorf("%s does not exist.", path) //lint:ignore ST1005 these are zkCli's words
		}
		return err
	}
	own := quotaPath(path)
	for v := range c.walk(ctx, own, walkOptions{}) {
		if v.err != nil {
			if errors.Is(v.err, client.ErrNoNode) {
				break
			}
			return v.err
		}
		if v.path != own && slices.Contains(v.names, limitsNode) {
			return fmt.Errorf("%s has a child %s which has a quota", path, strings.TrimPrefix(v.path, quotaRoot))
		}
	}
	for at := 1; at < len(path); at++ {
		if path[at] != '/' {
			continue
		}
		_, ok, err := c.svc.Exists(ctx, limitsPath(path[:at]))
		if err != nil {
			return err
		}
		if ok {
			return fmt.Errorf("%s has a parent %s which has a quota", path, path[:at])
		}
	}
	return ctx.Err()
}

func (c *call) newQuota(ctx context.Context, path string, limits track) error {
	all := track{"count": -1, "bytes": -1, "countHardLimit": -1, "byteHardLimit": -1}
	for key, n := range limits {
		all[key] = n
	}
	if err := c.svc.MakePath(ctx, quotaPath(path)); err != nil {
		return err
	}
	if _, err := c.svc.Create(ctx, limitsPath(path), []byte(all.String())); err != nil {
		return err
	}
	if _, err := c.svc.Create(ctx, statsPath(path), []byte("count=0,bytes=0")); err != nil {
		return err
	}
	return c.warnExceeded(ctx, path, all)
}

// warnExceeded says which limits are exceeded as they are set.
func (c *call) warnExceeded(ctx context.Context, path string, limits track) error {
	used, err := c.track(ctx, statsPath(path))
	if err != nil {
		return err
	}
	exceeded := func(soft, hard, key string) bool {
		n := used.get(key)
		return limits.get(soft) > -1 && limits.get(soft) < n || limits.get(hard) > -1 && limits.get(hard) < n
	}
	if exceeded("count", "countHardLimit", "count") {
		c.out.printf("[Warning]: the count quota you create is less than the existing count:%d\n", used.get("count"))
	}
	if exceeded("bytes", "byteHardLimit", "bytes") {
		c.out.printf("[Warning]: the bytes quota you create is less than the existing bytes:%d\n", used.get("bytes"))
	}
	return nil
}

// A quotaView is a quota: what is allowed, -1 for no limit, and what is used.
type quotaView struct {
	Path  string `json:"path"`
	Quota track  `json:"quota"`
	Stat  track  `json:"stat"`
}

func (v quotaView) text(p *printer) {
	p.printf("Output quota for %s %v\nOutput stat for %s %v\n", v.Path, v.Quota, v.Path, v.Stat)
}

// noQuota is what zkCli says where there is none.
func noQuota(path string, err error) error {
	if errors.Is(err, client.ErrNoNode) {
		return &explained{text: "quota for " + path + " does not exist.", err: err}
	}
	return err
}

func listQuota(ctx context.Context, c *call) error {
	path := c.path()
	if !c.json {
		c.out.notice("absolute path is %s", limitsPath(path))
	}
	limits, err := c.track(ctx, limitsPath(path))
	if err != nil {
		return noQuota(path, err)
	}
	used, err := c.track(ctx, statsPath(path))
	if err != nil {
		return noQuota(path, err)
	}
	return c.show(quotaView{path, limits, used})
}

func delQuota(ctx context.Context, c *call) error {
	path := c.path()
	limits, err := c.track(ctx, limitsPath(path))
	if errors.Is(err, client.ErrNoNode) {
		c.out.printf("Quota does not exist for %s\n", path)
		return nil
	}
	if err != nil {
		return err
	}
	if len(c.flags) == 0 {
		return c.dropQuota(ctx, path)
	}
	for name := range c.flags {
		limits[quotaKeys[name]] = -1
	}
	_, err = c.svc.Set(ctx, limitsPath(path), []byte(limits.String()), client.AnyVersion)
	return err
}

// dropQuota removes a quota, and the nodes above it that are of no use any more.
func (c *call) dropQuota(ctx context.Context, path string) error {
	at := quotaPath(path)
	names, _, err := c.svc.Children(ctx, at)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.svc.Delete(ctx, join(at, name), client.AnyVersion); err != nil {
			return err
		}
	}
	for at != quotaRoot {
		if err := c.svc.Delete(ctx, at, client.AnyVersion); err != nil {
			if errors.Is(err, client.ErrNotEmpty) {
				return nil
			}
			return err
		}
		at = at[:strings.LastIndexByte(at, '/')]
	}
	return nil
}
