package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// bigTree has n nodes of 100 bytes in folders of a thousand.
func bigTree(n int) *datatree.Tree {
	tree := datatree.New()
	for i := range n {
		more(tree, i)
	}
	return tree
}

func more(tree *datatree.Tree, i int) {
	if i%1000 == 0 {
		create(tree, fmt.Sprintf("/f%06d", i/1000))
	}
	apply(tree, wire.OpCreate, &wire.CreateTxn{Path: fmt.Sprintf("/f%06d/node-%03d", i/1000, i%1000), Data: make([]byte, 100),
		ACL: wire.WorldAnyone(31), ParentCversion: -1})
}

// Checkpoints of new nodes: what a node costs, compaction included.
func BenchmarkCheckpointOfNewNodes(b *testing.B) {
	const each = 100_000
	b.ReportAllocs()
	s := New(b.TempDir(), zap.NewNop())
	tree := datatree.New()
	n := 0
	for b.Loop() {
		b.StopTimer()
		for range each {
			more(tree, n)
			n++
		}
		b.StartTimer()
		write(b, s, tree, true)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/node")
}

// Checkpoints after changes here and there in a large tree.
func BenchmarkCheckpointOfScatteredChanges(b *testing.B) {
	const nodes = 300_000
	tree := bigTree(nodes)
	for _, changes := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(changes), func(b *testing.B) {
			b.ReportAllocs()
			s := New(b.TempDir(), zap.NewNop())
			write(b, s, tree, true)
			rng := rand.New(rand.NewPCG(1, 2))
			var bytes int64
			for b.Loop() {
				b.StopTimer()
				for range changes {
					i := rng.IntN(nodes)
					apply(tree, wire.OpSetData, &wire.SetDataTxn{Path: fmt.Sprintf("/f%06d/node-%03d", i/1000, i%1000), Data: make([]byte, 100), Version: 1})
				}
				b.StartTimer()
				bytes += write(b, s, tree, true)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(changes), "ns/change")
			b.ReportMetric(float64(bytes)/float64(b.N)/float64(changes), "recordbytes/change")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	const nodes = 300_000
	s := New(b.TempDir(), zap.NewNop())
	write(b, s, bigTree(nodes), true)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if tree, err := New(s.dir, zap.NewNop()).load(); err != nil || tree.NodeCount() < nodes {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nodes, "ns/node")
}

func (s *Store) load() (*datatree.Tree, error) {
	tree, err := s.Load(datatree.Options{})
	if err != nil {
		return nil, err
	}
	return tree, s.Close()
}
