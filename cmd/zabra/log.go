package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

func newLog() *cobra.Command {
	l := logCommand{}
	cmd := &cobra.Command{
		Use:   "log DIR",
		Short: "Print the transactions in the log of a stopped server",
		Long: `Print the transactions in the log of a stopped server, one a line: zxid, time,
session, the client's number of the request, operation, path, the node's version
after it, size and beginning of the data, and the operations of a multi.

With --json each line is a JSON object; data is then base64. What a digest ACL
holds behind the user's name is left out.`,
		Example: `  zabra log ./data
  zabra log ./data --from 0x100000003 --to 0x100000020
  zabra log ./data --json | jq 'select(.path == "/app/lock")'`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return l.run(cmd, layout(args[0], l.logDir)) },
	}
	dataLogDirFlag(cmd, &l.logDir)
	cmd.Flags().Var((*zxidFlag)(&l.span.From), "from", "first zxid to print, 0x... or decimal")
	cmd.Flags().Var((*zxidFlag)(&l.span.To), "to", "last zxid to print")
	cmd.Flags().IntVar(&l.preview, "data", 48, "how many bytes of data to print")
	cmd.Flags().BoolVar(&l.asJSON, "json", false, "print JSON lines")
	return cmd
}

type logCommand struct {
	logDir  string
	span    inspect.Range
	preview int
	asJSON  bool
}

func (l *logCommand) run(cmd *cobra.Command, dirs datadir.Layout) error {
	if l.preview < 0 {
		return usageError{errors.New("--data cannot be negative")}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	failed := l.print(cmd, out, dirs)
	return errors.Join(failed, out.Flush())
}

func (l *logCommand) print(cmd *cobra.Command, out *bufio.Writer, dirs datadir.Layout) error {
	var line []byte
	for txn, err := range inspect.Transactions(osfs.FS{}, dirs, l.span) {
		var late *inspect.LateError
		if errors.As(err, &late) {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %v\n", late)
			continue
		}
		if err == nil {
			err = cmd.Context().Err()
		}
		if err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if line, err = l.line(line[:0], txn); err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (l *logCommand) line(b []byte, txn *wire.Txn) ([]byte, error) {
	e := inspect.Describe(txn, l.preview)
	if !l.asJSON {
		return append(e.Append(b), '\n'), nil
	}
	j, err := json.Marshal(&e)
	return append(append(b, j...), '\n'), err
}

// A zxidFlag takes a zxid as 0x... or in decimal.
type zxidFlag wire.Zxid

func (f *zxidFlag) String() string {
	if *f == 0 {
		return ""
	}
	return wire.Zxid(*f).String()
}

func (f *zxidFlag) Set(s string) error {
	z, err := strconv.ParseInt(s, 0, 64)
	if err != nil || z < 0 {
		return errors.New("want a zxid, 0x... or decimal")
	}
	*f = zxidFlag(z)
	return nil
}

func (*zxidFlag) Type() string { return "zxid" }
