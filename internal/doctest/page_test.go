package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A page is a Markdown file.
type page struct {
	path     string // from the root of the checkout
	text     string
	blocks   []block
	prose    string // everything outside fenced blocks
	headings []string
}

// A block is a fenced block.
type block struct {
	line int      // of the opening fence
	info []string // words behind the fence
	text string
}

// is reports whether the block is of the language, and named if a name is given.
func (b *block) is(lang string) bool { return len(b.info) > 0 && b.info[0] == lang }

// name is the example the block belongs to, "" for none.
func (b *block) name() string {
	if len(b.info) < 2 {
		return ""
	}
	return b.info[1]
}

const fence = "```"

// parse reads the little of Markdown that the pages use.
func parse(path, text string) *page {
	p := &page{path: path, text: text}
	var open *block
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, fence) && open == nil:
			open = &block{line: i + 1, info: strings.Fields(strings.TrimPrefix(line, fence))}
		case strings.HasPrefix(line, fence):
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			p.prose += line + "\n"
			if strings.HasPrefix(line, "#") {
				p.headings = append(p.headings, strings.TrimSpace(strings.TrimLeft(line, "#")))
			}
		}
	}
	return p
}

// anchors are the fragments by which the page's headings are linked to.
func (p *page) anchors() map[string]bool {
	set := map[string]bool{}
	for _, h := range p.headings {
		set[slug(h)] = true
	}
	return set
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// slug is GitHub's: small letters, blanks as dashes, no other punctuation.
func slug(heading string) string {
	s := notInSlug.ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(s, " ", "-")
}

var codeSpan = regexp.MustCompile("`([^`\n]+)`")

// spans are the words in `code` outside blocks.
func (p *page) spans() []string {
	var spans []string
	for _, m := range codeSpan.FindAllStringSubmatch(p.prose, -1) {
		spans = append(spans, m[1])
	}
	return spans
}

// root is the top of the checkout.
const root = "../.."

// pages reads all pages: those at the top, those in docs, and those of the recipes.
func pages(t *testing.T) []*page {
	t.Helper()
	var all []*page
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/recipes/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			all = append(all, readPage(t, path))
		}
	}
	if len(all) < 2 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

func readPage(t *testing.T, path string) *page {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(rel, string(text))
}

func TestParse(t *testing.T) {
	p := parse("x.md", "# A b: `c` & d\ntext `one` and\n```sh tour\necho $\n```\n```text\n$\n```\n`two`\n")
	if len(p.blocks) != 2 || p.blocks[0].name() != "tour" || p.blocks[0].text != "echo $\n" || !p.blocks[1].is("text") {
		t.Errorf("blocks: %+v", p.blocks)
	}
	if got := strings.Join(p.spans(), " "); got != "c one two" {
		t.Errorf("spans: %q", got)
	}
	if !p.anchors()["a-b-c--d"] {
		t.Errorf("anchors: %v", p.anchors())
	}
}
