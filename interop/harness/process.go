package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// A process is a child that does not outlive its parent.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has been waited for
}

// startProcess starts cmd. The goroutine that starts it keeps its thread until
// the child ends: the kernel's death signal is bound to the starting thread.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// runs reports whether a thread has not been stopped yet, where /proc says so.
func (p *process) runs() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid)) // the pattern is not malformed
	return slices.ContainsFunc(threads, func(file string) bool {
		stat, err := os.ReadFile(file)
		_, state, _ := bytes.Cut(stat, []byte(") ")) // behind the name
		return err == nil && !bytes.HasPrefix(state, []byte("T"))
	})
}

// end sends sig and waits until the child is gone.
func (p *process) end(sig os.Signal) {
	p.cmd.Process.Signal(sig)
	<-p.done
}
