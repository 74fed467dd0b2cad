//go:build !linux

package server

func systemMemory() uint64 { return 0 }
