package bench

import (
	"context"
	"fmt"
	"slices"
)

// A Comparison is two servers under the same load, in turns.
type Comparison struct {
	Workload string    `json:"workload"`
	A        []*Result `json:"a"` // one for each round
	B        []*Result `json:"b"`
	Ratios   []Ratio   `json:"ratios"`
}

// A Ratio compares one figure: A's divided by B's in each round.
type Ratio struct {
	Figure string  `json:"figure"`
	A      float64 `json:"a"`      // median of the rounds
	B      float64 `json:"b"`      // median of the rounds
	Median float64 `json:"median"` // of the rounds' ratios
	Min    float64 `json:"min"`    // over the rounds
	Max    float64 `json:"max"`
}

// A figure is what is compared, and how to read it from a result; 0 stands for
// a figure that the result does not have.
type figure struct {
	name string
	of   func(*Result) float64
}

var figures = []figure{
	{"ops/s", func(r *Result) float64 { return r.OpsPerSec }},
	{"p50 µs", ofLatency(func(l *Latency) float64 { return l.P50 })},
	{"p99 µs", ofLatency(func(l *Latency) float64 { return l.P99 })},
	{"p99.9 µs", ofLatency(func(l *Latency) float64 { return l.P999 })},
	{"max µs", ofLatency(func(l *Latency) float64 { return l.Max })},
	{"server CPU µs/op", ofServer(func(c *Cost) float64 { return c.MicrosPerOp })},
	{"server resident MB", ofServer(func(c *Cost) float64 { return float64(c.Resident) / 1e6 })},
	{"server peak MB", ofServer(func(c *Cost) float64 { return float64(c.Peak) / 1e6 })},
	{"bytes/session", func(r *Result) float64 { return r.SessionBytes }},
}

func ofLatency(f func(*Latency) float64) func(*Result) float64 {
	return func(r *Result) float64 {
		if r.Latency == nil {
			return 0
		}
		return f(r.Latency)
	}
}

func ofServer(f func(*Cost) float64) func(*Result) float64 {
	return func(r *Result) float64 {
		if r.ServerUsage == nil {
			return 0
		}
		return f(r.ServerUsage)
	}
}

// Compare runs a workload against two servers, A B A B …, so that what else
// goes on in the machine touches both. a and b differ in Servers and PIDs. When
// ctx is cancelled the rounds that were complete are compared.
func Compare(ctx context.Context, workload string, a, b Options, rounds int) (*Comparison, error) {
	c := &Comparison{Workload: workload}
	for range rounds {
		ra, err := Run(ctx, workload, a)
		if err != nil {
			return nil, fmt.Errorf("server A: %w", err)
		}
		if ctx.Err() != nil {
			break
		}
		rb, err := Run(ctx, workload, b)
		if err != nil {
			return nil, fmt.Errorf("server B: %w", err)
		}
		if ctx.Err() != nil {
			break
		}
		c.A, c.B = append(c.A, ra), append(c.B, rb)
	}
	c.ratios()
	return c, nil
}

// Failed reports that not everything went well in some round.
func (c *Comparison) Failed() bool {
	return slices.ContainsFunc(append(slices.Clone(c.A), c.B...), (*Result).Failed)
}

func (c *Comparison) ratios() {
	for _, f := range figures {
		var as, bs, ratios []float64
		for i := range c.A {
			a, b := f.of(c.A[i]), f.of(c.B[i])
			if a == 0 || b == 0 {
				continue
			}
			as, bs, ratios = append(as, a), append(bs, b), append(ratios, a/b)
		}
		if len(ratios) == 0 {
			continue
		}
		c.Ratios = append(c.Ratios, Ratio{
			Figure: f.name,
			A:      median(as), B: median(bs), Median: median(ratios),
			Min: slices.Min(ratios), Max: slices.Max(ratios),
		})
	}
}

// median of an even number of values is the mean of the middle two.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
