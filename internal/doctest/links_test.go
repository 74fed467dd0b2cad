package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// badLinks returns what is wrong with the links of a page.
func badLinks(t *testing.T, p *page) []string {
	var bad []string
	for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
		if err := follow(t, p, m[1]); err != nil {
			bad = append(bad, fmt.Sprintf("%s: link %s: %v", p.path, m[1], err))
		}
	}
	return bad
}

// follow checks one link. Those to other hosts are not followed.
func follow(t *testing.T, p *page, target string) error {
	if strings.Contains(target, "://") {
		return nil
	}
	path, fragment, _ := strings.Cut(target, "#")
	to := p
	if path != "" {
		file := filepath.Join(root, filepath.Dir(p.path), path)
		if _, err := os.Stat(file); err != nil {
			return err
		}
		if fragment == "" {
			return nil
		}
		to = readPage(t, file)
	}
	if !to.anchors()[fragment] {
		return fmt.Errorf("%s has no heading for it", to.path)
	}
	return nil
}

func TestLinksResolve(t *testing.T) {
	for _, p := range pages(t) {
		for _, bad := range badLinks(t, p) {
			t.Error(bad)
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	p := parse("docs/x.md", "# Here\n[a](nosuch.md) [b](#there) [c](#here) [d](https://x.example/) [e](../go.mod) [f](architecture.md#nosuch)\n")
	if bad := badLinks(t, p); len(bad) != 3 {
		t.Errorf("found %d, want 3: %q", len(bad), bad)
	}
}
