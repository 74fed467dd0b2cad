// Command faulty is "zabra server" on a clock and a disk that a test can break, with bugs
// that a test can plant. It is never shipped; tests build it and tell it by environment:
//
//	FAULTY_CONTROL   a file that says what is broken now; it is looked at every 10 ms
//	FAULTY_VOLATILE  if it is set, what was not synced is lost when the process is killed
//	FAULTY_PLANT     a bug of internal/plant, in a build with the tag plant
//
// The control file is JSON: {"wall_shift_ms": n} shifts what the process takes for the
// time of day, in a build with the overlay that faulttest makes; {"fail_sync": true}
// makes every sync of our own files fail, and {"sync_delay_ms": n} makes each take so
// much longer. A file that is not there breaks nothing. When
// the number in it changes, a line on standard error says that it was read, and the time.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// serve takes the arguments "server --config file".
func serve() error {
	if len(os.Args) != 4 || os.Args[1] != "server" || os.Args[2] != "--config" {
		return errors.New("usage: faulty server --config file")
	}
	if bug := os.Getenv("FAULTY_PLANT"); bug != "" {
		if err := plantBug(bug); err != nil {
			return err
		}
	}
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: os.Args[3], Flags: zoocfg.NewFlags()})
	if err != nil {
		return err
	}
	d := &disk{}
	if name := os.Getenv("FAULTY_CONTROL"); name != "" {
		go d.obey(name)
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime, enc.EncodeLevel = zapcore.ISO8601TimeEncoder, zapcore.CapitalLevelEncoder
	log := zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.AddSync(os.Stderr), zap.InfoLevel))
	s, err := server.Open(cfg, d.fs(), log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return s.Run(ctx)
}

// A disk fails when it is told to.
type disk struct {
	syncFails atomic.Bool
	syncDelay atomic.Int64 // a time.Duration
}

func (d *disk) fs() vfs.FS {
	var inner vfs.FS = osfs.FS{}
	if os.Getenv("FAULTY_VOLATILE") != "" {
		inner = newVolatile(inner)
	}
	return vfs.Intercept(inner, vfs.Hooks{Before: func(c vfs.Call) error {
		if c.Op != vfs.OpSync {
			return nil
		}
		time.Sleep(time.Duration(d.syncDelay.Load()))
		if d.syncFails.Load() {
			return &fs.PathError{Op: "sync", Path: c.Path, Err: syscall.EIO}
		}
		return nil
	}})
}

// obey follows the control file.
func (d *disk) obey(name string) {
	number := 0
	for ; ; time.Sleep(10 * time.Millisecond) {
		var c struct {
			Number      int   `json:"number"`
			WallShiftMS int64 `json:"wall_shift_ms"`
			FailSync    bool  `json:"fail_sync"`
			SyncDelayMS int64 `json:"sync_delay_ms"`
		}
		if b, err := os.ReadFile(name); err == nil {
			if err := json.Unmarshal(b, &c); err != nil {
				panic(err) // the test's mistake
			}
		}
		if c.Number == number {
			continue
		}
		number = c.Number
		d.syncFails.Store(c.FailSync)
		d.syncDelay.Store(int64(time.Duration(c.SyncDelayMS) * time.Millisecond))
		shiftWall(time.Duration(c.WallShiftMS) * time.Millisecond)
		fmt.Fprintf(os.Stderr, "faulty: obeys %d at %s\n", number, time.Now().Format(time.RFC3339))
	}
}
