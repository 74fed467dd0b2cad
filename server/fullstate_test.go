package server_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// A member that finds no room for the state that its leader has sent stays, and takes it
// over when there is room.
func TestMemberWithoutRoomForAState(t *testing.T) {
	sites := startEnsemble(t, 3)
	_, _, others := lead(t, sites)
	full := others[0]
	full.client().create("/before", "x", wire.ModePersistent)
	full.halt()
	full.wipe()
	disk := faultfs.New(osfs.FS{})
	disk.Fail(faultfs.Rule{Op: vfs.OpWrite, Path: "zabra-restoring", Err: syscall.ENOSPC, Sticky: true})
	full.fs = disk
	full.launch()
	full.eventually("a line about the disk", func() bool {
		return strings.Contains(full.log.String(), "the disk is full: this server follows nobody")
	})
	if full.serves() {
		t.Error("it serves a state that is not on its disk")
	}
	others[1].client().create("/meanwhile", "x", wire.ModePersistent)
	disk.Heal()
	full.eventually("the server to serve", full.serves)
	full.eventually("a line about it", func() bool { return strings.Contains(full.log.String(), "there is room on the disk again") })
	agree(t, sites, "/before", "x")
	agree(t, sites, "/meanwhile", "x")
	full.halt() // it is on the disk
	full.launch()
	allServe(sites)
	agree(t, sites, "/meanwhile", "x")
}

// A member without room for the files of a reconfiguration takes part in it: log and tree
// hold it. The files follow when there is room.
func TestMemberWithoutRoomForAConfiguration(t *testing.T) {
	sites := startEnsemble(t, 3, "reconfigEnabled=true", "skipACL=yes")
	first := filesAgree(t, sites, 3)
	disk := faultfs.New(osfs.FS{})
	full := sites[0]
	full.halt()
	full.fs = disk
	full.launch()
	sites[2].halt()
	allServe(sites[:2])
	disk.Fail(faultfs.Rule{Op: vfs.OpWrite, Path: "zoo.cfg", Err: syscall.ENOSPC, Sticky: true})
	if err := sites[1].client().reconfigure(wire.NullString, "3"); err != nil {
		t.Fatal(err)
	}
	full.members("server.1=", "server.2=")
	full.eventually("a line about the files", func() bool {
		return strings.Contains(full.log.String(), "let this server write to the directory of zoo.cfg")
	})
	if v, _ := full.leadsTo(); v != first {
		t.Errorf("zoo.cfg leads to version %x, and there was no room for it", v)
	}
	full.client().create("/after", "x", wire.ModePersistent)
	disk.Heal()
	full.halt()
	full.launch()
	allServe(sites[:2])
	if v := filesAgree(t, sites[:2], 2); v <= first {
		t.Errorf("version %x after %x", v, first)
	}
	agree(t, sites[:2], "/after", "x")
}
