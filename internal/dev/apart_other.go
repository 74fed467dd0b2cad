//go:build !linux

package dev

import "syscall"

// apart: elsewhere the servers get Ctrl-C themselves, too, and outlive this process if
// it is killed.
func apart() *syscall.SysProcAttr { return nil }

func bindToThread() func() { return func() {} }
