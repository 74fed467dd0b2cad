package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportAndExport(t *testing.T) {
	sound, parent := makeLog(t), t.TempDir()
	in := func(name string) string { return filepath.Join(parent, name) }
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"export", "--from", sound, "--to", in("zk")}, exitOK, "3 transactions in 1 files", ""},
		{[]string{"export", "--from", sound, "--to", in("zk")}, exitFailed, "", "move its folder version-2 away first"},
		{[]string{"export", "--from", sound, "--to", in("zk2"), "--json"}, exitOK, `"zxid": "0x3"`, ""},
		{[]string{"export", "--from", sound, "--to", in("zk3"), "--to-log", in("zk3log")}, exitOK, in("zk3log/version-2"), ""},
		{[]string{"import", "--from", in("zk3"), "--from-log", in("zk3log"), "--to", in("z3")}, exitOK, "zxid 0x3", ""},
		{[]string{"import", "--from", in("zk3"), "--from-log", in("zk3log"), "--to", in("zk3")}, exitOK, "zxid 0x3", ""},
		{[]string{"verify", in("zk3"), "--dataLogDir", in("zk3log")}, exitOK, "sound", ""},
		{[]string{"import", "--from", in("zk"), "--to", in("z")}, exitOK, "none: the server stood alone", ""},
		{[]string{"import", "--from", in("zk"), "--to", in("z")}, exitFailed, "", "holds data of a Zabra server"},
		{[]string{"import", "--from", in("zk"), "--to", in("zk"), "--json"}, exitOK, `"zxid": "0x3"`, ""},
		{[]string{"log", in("z")}, exitOK, "create /n0x3", ""},
		{[]string{"import", "--from", in("zk/version-2"), "--to", in("y")}, exitFailed, "", "give the directory above it"},
		{[]string{"import", "--from", in("zk")}, exitUsage, "", `"to" not set`},
		{[]string{"import", "--to", in("zk")}, exitUsage, "", `"from" not set`},
		{[]string{"import", in("zk"), in("y")}, exitUsage, "", "unknown command"},
	} {
		stdout, stderr, code := zabra(t, tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("zabra %v: code %d, stdout %q, stderr %q; want %d, %q, %q", tc.args, code, stdout, stderr, tc.code, tc.stdout, tc.stderr)
		}
	}
	if _, err := os.Stat(in("y")); err == nil {
		t.Error("a failed import left its directory")
	}
}
