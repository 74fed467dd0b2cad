package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Paint says how a cell or a line stands out.
type Paint int

// The paints.
const (
	Plain Paint = iota
	Good
	Warning
	Bad
)

// A Painter puts a text into colours; it adds nothing that is seen.
type Painter func(Paint, string) string

// A cell of the table.
type cell struct {
	text  string
	paint Paint
}

var heads = []string{"server", "address", "role", "epoch", "zxid", "lag", "latency", "conns", "queued", "znodes", "uptime", "version"}

// WriteText writes the report for a person: a row for each server, the problems, and the
// verdict.
func (r *Report) WriteText(w io.Writer, paint Painter) error {
	rows := [][]cell{nil}
	for _, h := range heads {
		rows[0] = append(rows[0], cell{text: h})
	}
	for _, s := range r.Servers {
		rows = append(rows, s.row())
	}
	var b strings.Builder
	writeTable(&b, rows, paint)
	b.WriteByte('\n')
	level := r.level()
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s\n", paint(level, p))
	}
	fmt.Fprintf(&b, "%s\n", paint(level, r.summary()))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) level() Paint {
	switch r.Verdict {
	case OK:
		return Good
	case Degraded:
		return Warning
	}
	return Bad
}

// summary is the verdict, with what it rests on.
func (r *Report) summary() string {
	n := 0
	for _, s := range r.Servers {
		if s.serves() {
			n++
		}
	}
	text := fmt.Sprintf("%s: %d of %d servers serve", r.Verdict, n, len(r.Servers))
	if len(r.Servers) == 1 && n == 1 {
		text = fmt.Sprintf("%s: the server serves", r.Verdict)
	}
	if l := leaderOf(r.Servers); l != nil {
		text += ", " + l.name() + " leads"
	}
	return text
}

// writeTable lines columns up. The last one is not padded.
func writeTable(b *strings.Builder, rows [][]cell, paint Painter) {
	widths := make([]int, len(heads))
	for _, row := range rows {
		for i, c := range row {
			if i < len(row)-1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
			}
		}
	}
	for _, row := range rows {
		for i, c := range row {
			b.WriteString(paint(c.paint, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
}

// row is the server's in the table. One that does not serve has its state in place of a
// role, and nothing behind it.
func (s *Server) row() []cell {
	id := "?"
	if s.ID != nil {
		id = strconv.FormatInt(int64(*s.ID), 10)
	} else if s.Role == standalone {
		id = "-"
	}
	head := []cell{{text: id}, {text: or(s.Address, "?")}}
	if s.State != Serving {
		return append(head, cell{string(s.State), Bad})
	}
	role := cell{text: s.Role}
	if !s.serves() {
		role.paint = Bad
	}
	epoch := "-"
	if s.Epoch != nil {
		epoch = strconv.Itoa(int(*s.Epoch))
	}
	return append(head, role, cell{text: epoch}, cell{text: or(s.Zxid, "-")}, s.lagCell(), cell{text: s.Latency.String()},
		cell{text: count(s.Connections)}, cell{text: count(s.Outstanding)}, cell{text: count(s.Nodes)},
		cell{text: uptime(s.UptimeMS)}, cell{text: shortVersion(s.Version)})
}

func (s *Server) lagCell() cell {
	switch {
	case s.Lag == nil:
		return cell{text: "-"}
	case *s.Lag == 0:
		return cell{text: "0"}
	case s.Late:
		return cell{fmt.Sprintf("%d, >%dms", *s.Lag, *s.LagMS), Warning}
	}
	return cell{text: fmt.Sprintf("%d, %dms", *s.Lag, *s.LagMS)}
}

// String is the least, the mean and the largest.
func (l *Latency) String() string {
	if l == nil {
		return "-"
	}
	return fmt.Sprintf("%d/%.3g/%dms", l.Min, l.Avg, l.Max)
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func count(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

// uptime is a time of two units at most.
func uptime(ms *int64) string {
	if ms == nil {
		return "-"
	}
	d := time.Duration(*ms) * time.Millisecond
	days := d / (24 * time.Hour)
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// shortVersion leaves out the build.
func shortVersion(v string) string {
	v, _, _ = strings.Cut(v, ",")
	if head, tail, ok := strings.Cut(v, "-"); ok && len(tail) >= 40 {
		return head
	}
	return or(v, "-")
}
