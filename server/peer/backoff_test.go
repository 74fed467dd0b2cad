package peer

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A server that cannot be reached is dialled again soon at first, then less and less
// often, up to a bound; as soon as its address changes it is dialled at once.
func TestAttemptsGetRarer(t *testing.T) { synctest.Test(t, testAttemptsGetRarer) }

func testAttemptsGetRarer(t *testing.T) {
	var at []time.Duration
	began := time.Now()
	e := NewElection(ElectionConfig{
		Self: 2, Addresses: []string{"here:1"}, Log: zap.NewNop(),
		Receive: func(wire.SID, wire.Notification) {}, Reachable: func(wire.SID) {}, Unreachable: func(wire.SID, error) {},
		Transport: Transport{Dial: func(context.Context, string, string) (net.Conn, error) {
			at = append(at, time.Since(began)) // by one goroutine
			return nil, syscall.ECONNREFUSED
		}},
	}, map[wire.SID][]string{1: {"there:1"}, 2: {"here:1"}})
	defer e.Close()
	e.Send(1, vote(1))
	time.Sleep(time.Minute)
	synctest.Wait()
	if len(at) < 10 || at[0] > 0 {
		t.Fatalf("%d attempts in a minute, the first after %v", len(at), at)
	}
	for i := 1; i < len(at); i++ {
		longest := min(shortestPause<<min(i-1, 10), longestPause)
		if gap := at[i] - at[i-1]; gap < longest/2 || gap > longest {
			t.Errorf("%v between attempts %d and %d, want %v to %v", gap, i, i+1, longest/2, longest)
		}
	}
	before := len(at)
	moved := time.Since(began)
	e.SetServers(map[wire.SID][]string{1: {"elsewhere:1"}, 2: {"here:1"}})
	synctest.Wait()
	if len(at) == before || at[before] != moved {
		t.Error("the new address is not dialled at once")
	}
}
