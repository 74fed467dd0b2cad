package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// An arrow is a rule about what the packages at or below from import. Exactly
// one of only and never is set; both hold paths that stand for what is below
// them too, our own packages beginning with "./".
type arrow struct {
	from   string
	only   []string // of our own packages
	never  []string
	reason string
}

var arrows = []arrow{
	{from: "wire", only: []string{}, reason: "it is what everything else stands on"},
	{from: "internal/plant", only: []string{}, reason: "everything may ask it"},
	{from: "datatree", only: []string{"./wire", "./internal/plant"}, reason: "the tree knows transactions, and nothing of who makes or watches them"},
	{from: "session", only: []string{"./wire"}, reason: "sessions know nothing of what they own"},
	{from: "watch", only: []string{"./wire", "./internal/plant"}, reason: "watches know nothing of the tree they are about"},
	{from: "quorum", only: []string{"./wire", "./internal/plant", "./internal/properties"}, reason: "who decides is known to those who decide, not the other way"},
	{from: "election", only: []string{"./wire", "./quorum", "./internal/plant"}, reason: "a state machine that sockets are driven by, not the other way"},
	{from: "zab", only: []string{"./wire", "./quorum", "./internal/plant"}, reason: "a state machine that sockets are driven by, not the other way"},
	{from: "sasl", only: []string{}, reason: "tokens in, tokens out: it knows nobody's connections"},
	{from: "internal/vfs", only: []string{"./internal/vfs", "./internal/plant"}, reason: "the door to the disk does not know the house"},
	{from: "internal/properties", only: []string{}, reason: "a syntax knows nothing of what is written in it"},
	{from: "internal/freeport", only: []string{}, reason: "it serves the tests of every package"},
	{from: "internal/cli", only: []string{"./client", "./wire", "./internal/properties"}, reason: "a shell is a user of the service like any other"},
	{from: "internal/access", only: []string{"./client", "./internal/properties", "./server/auth", "./server/tlsconf", "./server/zoocfg"}, reason: "it reads what servers read, and knows no server"},
	{from: "internal/rawclient", only: []string{"./wire"}, reason: "it measures and tests servers from outside"},
	{from: "internal/bench", only: []string{"./wire", "./internal/rawclient", "./internal/bench"}, reason: "it measures any server of the protocol, from outside"},
	{from: "internal/dev", only: []string{"./quorum", "./internal/vfs"}, reason: "its servers are processes: it starts what is shipped"},
	{from: "internal/status", only: []string{"./client", "./wire", "./quorum"}, reason: "it asks servers from outside, also those that others wrote"},
	{from: "internal/netlab", only: []string{}, reason: "a network knows nothing of what is run in it"},
	{from: "internal/faulttest", never: []string{"./cmd", "./interop", "./internal/bench"}, reason: "it runs the binary that is shipped"},
	{from: "internal/archtest", only: []string{}, reason: "it reads sources"},
	{from: "client", only: []string{"./client", "./wire", "./session", "./sasl", "./internal/plant"}, reason: "whoever imports the client does not get the server"},
	{from: "interop", only: []string{"./interop", "./wire", "./client", "./internal/freeport"}, reason: "it tests the binary that is shipped, as others see it"},

	{from: "server", never: []string{"./cmd", "./client", "./interop", "./internal/bench", "./internal/sim", "./internal/faulttest", "./internal/netlab", "./internal/archtest"},
		reason: "tools and tests know the server; it does not know them"},
	{from: "server/", never: []string{"./server$"}, reason: "parts are put together by package server, and do not know it"},
	{from: "server/txnlog", never: []string{"os", "./internal/vfs/osfs"}, reason: "our own files are reached through internal/vfs only, so that crashes can be tested"},
	{from: "server/datadir", never: []string{"os", "./internal/vfs/osfs"}, reason: "our own files are reached through internal/vfs only"},
	{from: "server/pipeline", never: []string{"os", "net", "log", "go.uber.org/zap"}, reason: "it knows a log and sockets as interfaces, and tells events"},
	{from: "server/peer", never: []string{"./election", "./zab", "./quorum", "./datatree", "./session", "./server/pipeline"}, reason: "it carries what servers say to each other, and decides nothing about it"},
	{from: "cmd", never: []string{"./interop"}, reason: "tests are not shipped"},
}

// covers reports whether dir is rule or lies below it. A rule that ends in a
// slash covers only what is below; one that ends in $ only itself.
func covers(rule, dir string) bool {
	if exact, ok := strings.CutSuffix(rule, "$"); ok {
		return dir == exact
	}
	return dir == rule || strings.HasPrefix(dir, strings.TrimSuffix(rule, "/")+"/")
}

func anyCovers(rules []string, dir string) bool {
	for _, rule := range rules {
		if covers(rule, dir) {
			return true
		}
	}
	return false
}

func checkArrows(f *file) (bad []string) {
	for _, a := range arrows {
		if !covers(a.from, f.dir()) {
			continue
		}
		for _, imported := range f.imports() {
			own := strings.HasPrefix(imported, "./")
			if a.only != nil && own && !anyCovers(a.only, imported) || anyCovers(a.never, imported) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", f.name, strings.TrimPrefix(imported, "./"), a.reason))
			}
		}
	}
	return bad
}

// A rule about packages that there are not holds whatever happens.
func TestArrowsAreAboutPackagesThatThereAre(t *testing.T) {
	dirs := map[string]bool{}
	for _, f := range sources(t) {
		dirs[f.dir()], dirs["./"+f.dir()] = true, true
	}
	for _, a := range arrows {
		for _, rule := range slices.Concat([]string{a.from}, a.only, a.never) {
			if rule != a.from && !strings.HasPrefix(rule, "./") {
				continue // of others
			}
			concerns := false
			for dir := range dirs {
				concerns = concerns || covers(rule, dir)
			}
			if !concerns {
				t.Errorf("there is nothing at %s, of which an arrow from %s says: %s", rule, a.from, a.reason)
			}
		}
	}
}
