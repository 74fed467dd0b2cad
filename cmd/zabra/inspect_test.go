package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// makeLog writes a log of three transactions below a new directory.
func makeLog(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	log, err := txnlog.Open(osfs.FS{}, datadir.Layout{Data: dir, Log: dir}.LogDir(), txnlog.Options{SegmentSize: txnlog.MinSegmentSize})
	if err != nil {
		t.Fatal(err)
	}
	for z := wire.Zxid(1); z <= 3; z++ {
		txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/n" + z.String(), ParentCversion: -1, ACL: wire.WorldAnyone(31)})
		if err := log.Append([]txnlog.Record{{Zxid: z, Payload: txn.Raw}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerifyAndLog(t *testing.T) {
	sound, damaged, elsewhere := makeLog(t), makeLog(t), t.TempDir()
	file := filepath.Join(damaged, "zabra-log", "log.1")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[8192+33] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"verify", sound}, exitOK, "0x1 to 0x3, 3 transactions", ""},
		{[]string{"verify", sound, "--json"}, exitOK, `"sound": true`, ""},
		{[]string{"verify", elsewhere, "--dataLogDir", sound}, exitOK, "sound", ""},
		{[]string{"verify", damaged}, exitFailed, "log.1 at offset 8192", ""},
		{[]string{"verify", damaged, "--json"}, exitFailed, `"offset": 8192`, ""},
		{[]string{"verify", elsewhere}, exitFailed, "", "holds no data of Zabra"},
		{[]string{"verify"}, exitUsage, "", "accepts 1 arg"},
		{[]string{"log", sound}, exitOK, "create /n0x2", ""},
		{[]string{"log", sound, "--from", "0x2", "--to", "2", "--json"}, exitOK, `{"zxid":"0x2",`, ""},
		{[]string{"log", elsewhere, "--dataLogDir", sound}, exitOK, "create /n0x3", ""},
		{[]string{"log", damaged}, exitFailed, "", "at offset 8192"},
		{[]string{"log", sound, "--from", "x"}, exitUsage, "", "want a zxid"},
		{[]string{"log", sound, "--data", "-1"}, exitUsage, "", "--data"},
	} {
		stdout, stderr, code := zabra(t, tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("zabra %v: code %d, stdout %q, stderr %q; want %d, %q, %q", tc.args, code, stdout, stderr, tc.code, tc.stdout, tc.stderr)
		}
	}
	if stdout, _, _ := zabra(t, "log", sound, "--from", "2", "--to", "0x2"); strings.Count(stdout, "\n") != 1 {
		t.Errorf("a range of one: %q", stdout)
	}
}
