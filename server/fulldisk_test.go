package server_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// fill makes a disk full: the next segment of the log finds no room.
func fill(f *faultfs.FS) { f.LimitSpace(0, syscall.ENOSPC) }

// A disk of one of three is full, the leader's or a follower's. The others go on, and it
// is back by itself when there is room.
func TestMemberWithAFullDisk(t *testing.T) {
	for _, who := range []string{"leader", "follower"} {
		t.Run(who, func(t *testing.T) {
			disks := []*faultfs.FS{faultfs.New(osfs.FS{}), faultfs.New(osfs.FS{}), faultfs.New(osfs.FS{})}
			sites := startEnsemble(t, 3, "preAllocSize=16", "syncLimit=4")
			for i, s := range sites {
				s.halt()
				s.fs = disks[i]
				s.launch()
				allServe(sites)
			}
			leader, id, others := lead(t, sites)
			full := leader
			if who == "follower" {
				full = others[0]
			}
			disk := disks[id-1]
			for i, s := range sites {
				if s == full {
					disk = disks[i]
				}
			}
			fill(disk)
			var rest []*site
			for _, s := range sites {
				if s != full {
					rest = append(rest, s)
				}
			}
			// So much that no segment has room for it.
			n := 0
			write := func() bool {
				c, err := rest[n%len(rest)].open(rawclient.Options{})
				if err != nil {
					return false
				}
				defer c.Close()
				for range 20 {
					n++
					err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprint("/n", n), Data: []byte(strings.Repeat("x", 1000)), ACL: anyone}, &wire.PathResponse{})
					if err != nil {
						return false
					}
				}
				return true
			}
			done := 0
			full.eventually("writes to go on without the full disk", func() bool {
				if write() {
					done++
				}
				return done >= 10 && strings.Contains(full.log.String(), "the disk is full")
			})
			full.eventually("a server with room to lead", func() bool {
				return slices.ContainsFunc(rest, func(s *site) bool { return strings.Contains(s.word(t, "srvr"), "Mode: leader\n") })
			})
			const last = "/last"
			allServe(rest)
			rest[0].client().create(last, "y", wire.ModePersistent)
			disk.Heal()
			full.eventually("the server to be back", func() bool {
				got, ok := full.tries(last)
				return ok && got == "y"
			})
			agree(t, sites, last, "y")
		})
	}
}

// A member that waits for room before it can look for another leader stops when it is told
// to.
func TestMemberWithAFullDiskStops(t *testing.T) {
	disk := faultfs.New(osfs.FS{})
	sites := startEnsemble(t, 3, "preAllocSize=16", "syncLimit=4")
	_, _, others := lead(t, sites)
	full, rest := others[0], others[1]
	full.halt()
	full.fs = disk
	full.launch()
	allServe(sites)
	fill(disk)
	n := 0
	full.eventually("the server to serve nobody", func() bool {
		if c, err := rest.open(rawclient.Options{}); err == nil {
			n++
			create := &wire.CreateRequest{Path: fmt.Sprint("/n", n), Data: []byte(strings.Repeat("x", 10_000)), ACL: anyone}
			_ = c.Do(wire.OpCreate, create, &wire.PathResponse{}) // it may not come through just now
			c.Close()
		}
		return strings.Contains(full.log.String(), "the disk is full") && !full.serves()
	})
	full.halt() // which wants it to stop
	disk.Heal()
	full.launch()
	allServe(sites)
	rest.client().create("/last", "y", wire.ModePersistent)
	agree(t, sites, "/last", "y")
}

// A member that finds no room for an epoch stays, follows nobody, and is back by itself.
func TestMemberWithoutRoomForAnEpoch(t *testing.T) {
	disk := faultfs.New(osfs.FS{})
	sites := startEnsemble(t, 3)
	leader, _, others := lead(t, sites)
	full, rest := others[0], others[1]
	full.halt()
	full.fs = disk
	full.launch()
	full.eventually("the server to serve", full.serves)
	for _, name := range []string{"acceptedEpoch", "currentEpoch"} {
		disk.Fail(faultfs.Rule{Op: vfs.OpWrite, Path: name, Err: syscall.ENOSPC, Sticky: true})
	}
	leader.halt() // the two that are left need a new epoch
	full.eventually("a line about the disk", func() bool {
		return strings.Contains(full.log.String(), "the disk is full: this server follows nobody")
	})
	if full.serves() || rest.serves() {
		t.Error("an epoch without a quorum that has promised it")
	}
	disk.Heal()
	full.eventually("the servers to serve", func() bool { return full.serves() && rest.serves() })
	full.eventually("a line about it", func() bool { return strings.Contains(full.log.String(), "there is room on the disk again") })
	rest.client().create("/after", "y", wire.ModePersistent)
	leader.launch()
	leader.eventually("the server to serve", leader.serves)
	agree(t, sites, "/after", "y")
}
