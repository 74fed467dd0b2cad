package admin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ask returns the answer to a word and what follows it.
func ask(t *testing.T, a *Admin, text string) string {
	t.Helper()
	word, known := IsWord(int32(binary.BigEndian.Uint32([]byte(text))))
	if !known {
		t.Fatalf("%q is no word", text)
	}
	var out bytes.Buffer
	if err := a.Answer(&out, strings.NewReader(text[4:]), word); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out.String()
}

// fdLines differ from run to run.
var fdLines = regexp.MustCompile(`(file_descriptor_count"? ?[\t:] ?)-?\d+`)

func TestWordsGolden(t *testing.T) {
	all := []string{
		"conf", "cons", "crst", "dirs", "dump", "gtmk", "ruok", "srst", "srvr", "stat",
		"wchc", "wchp", "wchs", "mntr", "isro", "hash", "stmk\x00\x00\x00\x00\x00\x00\x02\x00",
	}
	for state, tc := range map[string]struct {
		node  func() *fakeNode
		words []string
	}{
		"standalone": {standalone, all},
		"leader":     {leader, []string{"conf", "dump", "srvr", "stat"}},
		"observer":   {observerNode, []string{"conf", "dump", "srvr"}},
		"stopped":    {stopped, all},
	} {
		for _, word := range tc.words {
			got := fdLines.ReplaceAllString(ask(t, newAdmin(tc.node()), word), "${1}N")
			golden(t, "words/"+state+"/"+word[:4]+".txt", []byte(got))
		}
	}
}

func TestMntrOfAnEnsembleSaysItsPeerState(t *testing.T) {
	for _, tc := range []struct {
		node func() *fakeNode
		want string
	}{
		{standalone, "zk_version\t" + fakeVersion + "\nzk_server_state\tstandalone\nzk_avg_latency\t0.7042\n"},
		{leader, "zk_server_state\tleader\nzk_peer_state\tleading - broadcast\nzk_avg_latency"},
		{observerNode, "zk_server_state\tobserver\nzk_peer_state\tobserving - broadcast\nzk_observer_master_id\t1\n"},
	} {
		if got := ask(t, newAdmin(tc.node()), "mntr"); !strings.Contains(got, tc.want) {
			t.Errorf("mntr has no\n%s\nbut\n%.300s", tc.want, got)
		}
	}
}

func TestReadOnlyServer(t *testing.T) {
	n := standalone()
	n.status.ReadOnly, n.status.Mode = true, "read-only"
	a := newAdmin(n)
	if got := ask(t, a, "isro"); got != "ro" {
		t.Errorf("isro = %q, want ro", got)
	}
	want := "Zookeeper version: " + fakeVersion + "\nREAD-ONLY mode; serving only read-only clients\nLatency"
	if got := ask(t, a, "srvr"); !strings.HasPrefix(got, want) {
		t.Errorf("srvr = %q", got)
	}
}

func TestEnviHasZooKeepersKeys(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(ask(t, newAdmin(standalone()), "envi"), "\n"), "\n")
	if lines[0] != "Environment:" {
		t.Errorf("first line %q", lines[0])
	}
	var keys []string
	for _, line := range lines[1:] {
		key, value, ok := strings.Cut(line, "=")
		if !ok || value == "" {
			t.Errorf("line %q", line)
		}
		keys = append(keys, key)
	}
	want := strings.Fields(`zookeeper.version host.name java.version java.vendor java.home java.class.path
		java.library.path java.io.tmpdir java.compiler os.name os.arch os.version user.name user.home user.dir
		os.memory.free os.memory.max os.memory.total go.version`)
	if !slices.Equal(keys, want) {
		t.Errorf("keys %v\nwant %v", keys, want)
	}
}

func TestWhitelist(t *testing.T) {
	for _, tc := range []struct {
		list     string
		readOnly bool
		want     []string
	}{
		{"", false, []string{"srvr"}},
		{"", true, []string{"isro", "srvr"}},
		{" ruok, mntr ,,nonsense", false, []string{"mntr", "nonsense", "ruok", "srvr"}},
		{"ruok,*", false, nil},
	} {
		enabled := parseWhitelist(tc.list, tc.readOnly)
		delete(enabled, "")
		if tc.want == nil {
			for _, spec := range wordTable {
				if !enabled[spec.name] {
					t.Errorf("%q does not enable %s", tc.list, spec.name)
				}
			}
			continue
		}
		if got := slices.Sorted(maps.Keys(enabled)); !slices.Equal(got, tc.want) {
			t.Errorf("%q enables %v, want %v", tc.list, got, tc.want)
		}
	}
}

func TestWordOffTheWhitelistIsNotExecuted(t *testing.T) {
	n := standalone()
	a := newAdmin(n, func(o *Options) { o.Whitelist = "" })
	if got, want := ask(t, a, "crst"), "crst is not executed because it is not in the whitelist.\n"; got != want {
		t.Errorf("crst = %q, want %q", got, want)
	}
	if len(n.resets) != 0 {
		t.Error("crst was executed all the same")
	}
	// The mask's eight bytes are not read either.
	if got := ask(t, a, "stmk"); !strings.HasPrefix(got, "stmk is not executed") {
		t.Errorf("stmk = %q", got)
	}
	if got := ask(t, a, "\xff\xf4\xff\xfd"); !strings.HasPrefix(got, "telnet close is not executed") {
		t.Errorf("telnet's code = %q", got)
	}
	if got := ask(t, newAdmin(n), "\xff\xf4\xff\xfd"); got != "" {
		t.Errorf("telnet's code with all words enabled = %q, want nothing", got)
	}
}

func TestTraceMaskIsKept(t *testing.T) {
	a := newAdmin(standalone())
	if got := ask(t, a, "gtmk"); got != "306" {
		t.Errorf("gtmk = %q, want 306", got)
	}
	if got := ask(t, a, "stmk\xff\xff\xff\xff\xff\xff\xff\xfe"); got != "-2" {
		t.Errorf("stmk = %q, want -2", got)
	}
	if got := ask(t, a, "gtmk"); got != "-2" {
		t.Errorf("gtmk after stmk = %q, want -2", got)
	}
	word, _ := IsWord(int32(binary.BigEndian.Uint32([]byte("stmk"))))
	if err := a.Answer(io.Discard, strings.NewReader("1234567"), word); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("stmk with seven bytes: %v, want unexpected EOF", err)
	}
}

func TestResetWordsReset(t *testing.T) {
	n := standalone()
	a := newAdmin(n)
	ask(t, a, "srst")
	if got := ask(t, a, "srvr"); !strings.Contains(got, "Latency min/avg/max: 0/0.0/0\nReceived: 0\nSent: 0\n") {
		t.Errorf("srvr after srst = %q", got)
	}
	ask(t, a, "crst")
	if !slices.Equal(n.resets, []string{"connections"}) {
		t.Errorf("crst reset %v", n.resets)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAnswerReportsAWriteError(t *testing.T) {
	word, _ := IsWord(int32(binary.BigEndian.Uint32([]byte("srvr"))))
	err := newAdmin(standalone()).Answer(brokenWriter{}, nil, word)
	if !errors.Is(err, io.ErrClosedPipe) || !strings.HasPrefix(err.Error(), "four-letter word srvr: ") {
		t.Errorf("error %v", err)
	}
}

func TestJavaAddresses(t *testing.T) {
	got := ask(t, newAdmin(standalone()), "cons")
	for _, want := range []string{" /127.0.0.1:38684[0](", " /[0:0:0:0:0:0:0:1]:38678[1]("} {
		if !strings.Contains(got, want) {
			t.Errorf("cons has no %q", want)
		}
	}
}

// No length that a frame may have is taken for a word, and every word of the
// table is.
func FuzzIsWord(f *testing.F) {
	for _, s := range []string{"ruok", "stmk", "RUOK", "\x00\x00\x00\x2d", "\xff\xf4\xff\xfd", "GET ", "\x16\x03\x01\x02"} {
		f.Add([]byte(s))
	}
	a := newAdmin(standalone())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		n := int32(binary.BigEndian.Uint32(b))
		word, known := IsWord(n)
		if known && n >= 0 && n < 1<<24 {
			t.Fatalf("the length %d is taken for the word %s", n, word)
		}
		if known != slices.ContainsFunc(wordTable[:], func(s wordSpec) bool { return s.name == word.String() }) {
			t.Fatalf("%q: known is %v", b[:4], known)
		}
		if known {
			a.Answer(io.Discard, bytes.NewReader(b[4:]), word)
		}
	})
}
