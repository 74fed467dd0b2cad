package cli

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of the history file, in lines: beyond the first it is cut down to the other
// when a shell begins.
const (
	historyMost = 2000
	historyLess = 1000
)

// HistoryFile is where a user's commands are kept, empty for nowhere.
func HistoryFile(state, home string) string {
	switch {
	case state != "":
		return filepath.Join(state, "zabra", "history")
	case home != "":
		return filepath.Join(home, ".local", "state", "zabra", "history")
	}
	return ""
}

// loadHistory reads the lines of a history file. One that is not there has none.
func loadHistory(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if line := strings.TrimSpace(sc.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if err := sc.Err(); err != nil || len(lines) <= historyMost {
		return lines, err
	}
	lines = lines[len(lines)-historyLess:]
	return lines, replaceHistory(path, lines)
}

// replaceHistory writes the file anew, so that at no moment there is half of one.
func replaceHistory(path string, lines []string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".history-") // only its owner may read it
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// keepLine adds a line to a history file, unless it bears credentials.
func keepLine(path, line string) error {
	if path == "" || secret(line) || strings.TrimSpace(line) == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	_, werr := f.WriteString(line + "\n")
	return errors.Join(err, werr, f.Close())
}
