//go:build !linux

package main

import (
	"os/exec"
	"syscall"
	"time"
)

// apart, tell and endGroup know one process here.
func apart() *syscall.SysProcAttr { return nil }

func tell(c *exec.Cmd, s syscall.Signal) error { return c.Process.Signal(s) }

func endGroup(*exec.Cmd, time.Duration) {}
