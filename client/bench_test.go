package client_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/zabra/zabra/client"
)

// One connection, many goroutines, each with one call under way: this client and
// go-zookeeper/zk on the same server.
//
//	go test ./client -run '^$' -bench . -count 5
func BenchmarkOneConnection(b *testing.B) {
	r := newRig(b)
	ours := r.open(client.Options{})
	theirs, _, err := zk.Connect([]string{r.Addr()}, 10*time.Second, zk.WithLogger(quiet{}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(theirs.Close)
	ctx := context.Background()
	data := make([]byte, 100)
	must(ours.Create(ctx, "/bench", data))(b)
	for _, op := range []struct {
		name         string
		ours, theirs func() error
	}{
		{"Get", func() error { _, _, err := ours.Get(ctx, "/bench"); return err },
			func() error { _, _, err := theirs.Get("/bench"); return err }},
		{"Set", func() error { _, err := ours.Set(ctx, "/bench", data, -1); return err },
			func() error { _, err := theirs.Set("/bench", data, -1); return err }},
		{"Exists", func() error { _, _, err := ours.Exists(ctx, "/bench"); return err },
			func() error { _, _, err := theirs.Exists("/bench"); return err }},
	} {
		for _, goroutines := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/zabra/%d", op.name, goroutines), func(b *testing.B) { each(b, goroutines, op.ours) })
			b.Run(fmt.Sprintf("%s/go-zookeeper/%d", op.name, goroutines), func(b *testing.B) { each(b, goroutines, op.theirs) })
		}
	}
}

// each runs f b.N times in so many goroutines.
func each(b *testing.B, goroutines int, f func() error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
