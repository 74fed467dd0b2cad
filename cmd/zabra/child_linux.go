package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// apart is how a command is started: so that it is told when this process is killed, and,
// without a terminal, in a process group of its own, by which all that it starts can be
// told. At a terminal that would take the keyboard from it.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: !atTerminal()}
}

// atTerminal reports whether this process has a controlling terminal.
func atTerminal() bool {
	f, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// tell sends a signal to a command, and to its group if it has one.
func tell(c *exec.Cmd, s syscall.Signal) error {
	if !c.SysProcAttr.Setpgid {
		return c.Process.Signal(s)
	}
	err := syscall.Kill(-c.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// endGroup returns when nothing is left of the group of a command that was told and has
// ended. What is still there after so long is killed.
func endGroup(c *exec.Cmd, patience time.Duration) {
	if !c.SysProcAttr.Setpgid {
		return
	}
	for deadline := time.Now().Add(patience); syscall.Kill(-c.Process.Pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // if it has ended just now, so much the better
			return
		}
	}
}
