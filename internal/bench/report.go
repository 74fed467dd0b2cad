package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable prints results as a table with a line each, and below it what went
// wrong.
func WriteTable(w io.Writer, results ...*Result) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	server := slices.ContainsFunc(results, func(r *Result) bool { return r.ServerUsage != nil })
	head := "workload\tconns\tout\tops\tops/s\tp50\tp90\tp99\tp99.9\tmax\tclient µs/op\t"
	if server {
		head += "server µs/op\tresident\tpeak\t"
	}
	fmt.Fprintln(t, head)
	columns := strings.Count(head, "\t")
	for _, r := range results {
		for _, row := range rows(r, server) {
			fmt.Fprintln(t, strings.Join(row, "\t")+strings.Repeat("\t", columns-len(row)+1))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if err := writeNotes(w, r); err != nil {
			return err
		}
	}
	return nil
}

// rows is the result's row, and for mixed one each for reads and writes.
func rows(r *Result, server bool) [][]string {
	row := []string{r.Workload, fmt.Sprint(r.Connections), fmt.Sprint(r.Outstanding), fmt.Sprint(r.Ops), count(r.OpsPerSec)}
	row = append(row, latencies(r.Latency)...)
	row = append(row, microsPerOp(r.Client))
	if server {
		row = append(row, microsPerOp(r.ServerUsage))
		if c := r.ServerUsage; c != nil {
			row = append(row, bytesText(c.Resident), bytesText(c.Peak))
		} else {
			row = append(row, "", "")
		}
	}
	all := [][]string{row}
	for _, part := range []struct {
		name string
		l    *Latency
	}{{"reads", r.Reads}, {"writes", r.Writes}} {
		if part.l != nil {
			rate := count(float64(part.l.Count) / r.Seconds)
			all = append(all, append([]string{part.name, "", "", fmt.Sprint(part.l.Count), rate}, latencies(part.l)...))
		}
	}
	return all
}

func latencies(l *Latency) []string {
	if l == nil {
		return []string{"-", "-", "-", "-", "-"}
	}
	return []string{micros(l.P50), micros(l.P90), micros(l.P99), micros(l.P999), micros(l.Max)}
}

func microsPerOp(c *Cost) string {
	if c == nil || c.MicrosPerOp == 0 {
		return "-"
	}
	return strconv.FormatFloat(c.MicrosPerOp, 'f', 2, 64)
}

// micros prints microseconds with three digits and a unit.
func micros(us float64) string {
	d := time.Duration(us * 1e3)
	switch {
	case d < 10*time.Microsecond:
		return d.Round(10 * time.Nanosecond).String()
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// count prints a rate for a person: 1.23 M, 45.6 k, 789.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.1f k", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

func bytesText(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func writeNotes(w io.Writer, r *Result) error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(&b, "%s: %d × %s\n", r.Workload, r.Errors[name], name)
	}
	if r.Lost > 0 || r.LostOps > 0 {
		fmt.Fprintf(&b, "%s: %d connections lost, %d requests without an answer\n", r.Workload, r.Lost, r.LostOps)
	}
	if r.FirstFailure != "" {
		fmt.Fprintf(&b, "%s: first failure: %s\n", r.Workload, r.FirstFailure)
	}
	if r.Interrupted {
		fmt.Fprintf(&b, "%s: interrupted after %.1f s\n", r.Workload, r.Seconds)
	}
	if r.SessionBytes != 0 {
		fmt.Fprintf(&b, "%s: %.0f bytes of server memory for each session\n", r.Workload, r.SessionBytes)
	}
	if r.NodeBytes != 0 {
		fmt.Fprintf(&b, "%s: %.0f bytes of server memory for each node\n", r.Workload, r.NodeBytes)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteComparison prints comparisons as a table with a line for each figure.
func WriteComparison(w io.Writer, comparisons ...*Comparison) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tfigure\tA\tB\tA/B\tmin\tmax\trounds\t")
	for _, c := range comparisons {
		for i, r := range c.Ratios {
			name := c.Workload
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%d\t\n",
				name, r.Figure, value(r.A), value(r.B), r.Median, r.Min, r.Max, len(c.A))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range comparisons {
		for i := range c.A {
			for _, r := range []*Result{c.A[i], c.B[i]} {
				if !r.Failed() {
					continue
				}
				fmt.Fprintf(w, "%s, round %d:\n", r.Server, i+1)
				if err := writeNotes(w, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// value prints a figure with three digits that mean something.
func value(v float64) string {
	switch {
	case v >= 10000:
		return count(v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
