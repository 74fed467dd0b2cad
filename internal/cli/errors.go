package cli

import (
	"fmt"

	"github.com/zabra/zabra/wire"
)

// A UsageError is a command that makes no sense; it holds the command's usage.
type UsageError struct {
	Usage  string // of the command
	Reason string // may be empty
}

func (e *UsageError) Error() string {
	if e.Reason == "" {
		return "usage: " + e.Usage
	}
	return e.Reason + "\nusage: " + e.Usage
}

// An UnknownCommand is a word that no command has.
type UnknownCommand struct{ Name string }

func (e *UnknownCommand) Error() string {
	return "Command not found: Command not found " + e.Name
}

// errorTexts are the words of zkCli for codes with a path.
var errorTexts = map[wire.Code]string{
	wire.NoNode:                  "Node does not exist: %s",
	wire.NodeExists:              "Node already exists: %s",
	wire.NotEmpty:                "Node not empty: %s",
	wire.NoChildrenForEphemerals: "Ephemerals cannot have children: %s",
	wire.NotReadOnly:             "Not a read-only call: %s",
	wire.InvalidACL:              "Acl is not valid : %s",
	wire.NoAuth:                  "Insufficient permission : %s",
	wire.BadArguments:            "Arguments are not valid : %s",
	wire.BadVersion:              "version No is not valid : %s",
	wire.QuotaExceeded:           "Quota has exceeded : %s",
}

// A commandError is a server's answer in zkCli's words.
type commandError struct {
	code wire.Code
	path string
}

func (e *commandError) Error() string {
	if text, ok := errorTexts[e.code]; ok {
		return fmt.Sprintf(text, e.path)
	}
	return fmt.Sprintf("%v for %s", e.code, e.path)
}

func (e *commandError) Unwrap() error { return e.code }

// about names the path that an error of the server's is about.
func about(path string, err error) error {
	if code, ok := err.(wire.Code); ok {
		return &commandError{code, path}
	}
	return err
}
