//go:build unix

package doctest

import (
	"os/exec"
	"syscall"
)

// ownGroup lets killGroup reach what the command starts.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
