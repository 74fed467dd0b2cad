package dev

import (
	"runtime"
	"syscall"
)

// apart keeps Ctrl-C away from the servers, which are told to stop one way only, and
// takes them along if this process is killed.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// bindToThread must be called before a child is started, and what it returns when the
// child has ended: the kernel takes the end of the thread for that of the parent.
func bindToThread() func() {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}
