package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/ergochat/readline"
)

// A Keyboard is a LineReader for a person: with editing, completion, and a history
// that can be searched and is kept.
type Keyboard struct {
	rl    *readline.Instance
	shell *Shell
	file  string
}

// completionTime is how long TAB may wait for a server.
const completionTime = 5 * time.Second

// Terminal makes a Shell for a person at the terminal. historyFile may be empty.
func Terminal(cfg Config, historyFile string) (*Shell, *Keyboard, error) {
	k := &Keyboard{file: historyFile}
	rl, err := readline.NewFromConfig(&readline.Config{
		HistoryLimit: historyMost, DisableAutoSaveHistory: true, HistorySearchFold: true,
		AutoComplete: k, InterruptPrompt: "^C", EOFPrompt: "quit",
	})
	if err != nil {
		return nil, nil, err
	}
	k.rl = rl
	// Through readline, so that an event does not land in the line that is being typed.
	cfg.Out, cfg.Err = rl.Stdout(), rl.Stderr()
	cfg.Ask = func(question string) (string, error) {
		rl.SetPrompt(question)
		return rl.ReadLine()
	}
	k.shell = New(cfg)
	lines, err := loadHistory(historyFile)
	if err != nil {
		k.shell.out.notice("history: %v", err)
		k.file = ""
	}
	for _, line := range lines {
		rl.SaveToHistory(line) // into memory, which cannot fail
	}
	return k.shell, k, nil
}

// ReadLine returns the next line, and keeps it.
func (k *Keyboard) ReadLine(prompt string) (string, error) {
	k.rl.SetPrompt(prompt)
	line, err := k.rl.ReadLine()
	if err == readline.ErrInterrupt {
		return "", ErrInterrupt
	}
	if err != nil || secret(line) {
		return line, err
	}
	k.rl.SaveToHistory(line)
	if err := keepLine(k.file, line); err != nil {
		k.file = "" // once is enough
		fmt.Fprintf(k.rl.Stderr(), "history: %v\n", err)
	}
	return line, nil
}

// Close gives the terminal back.
func (k *Keyboard) Close() error { return k.rl.Close() }

// Do is readline's: what may follow the line up to pos, and how much of it is there
// already.
func (k *Keyboard) Do(line []rune, pos int) ([][]rune, int) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	ends, typed := k.shell.complete(ctx, string(line[:pos]))
	var all [][]rune
	for _, end := range ends {
		all = append(all, []rune(end))
	}
	return all, len([]rune(typed))
}
