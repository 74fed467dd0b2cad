package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Line is the server's line in a configuration, without its key, with the role given
// and with a client part, as a server needs it to join.
func (s *Server) Line(role string) string {
	line := strings.TrimSuffix(s.config[fmt.Sprintf("server.%d", s.ID)], ":observer")
	return line + ":" + role + ";" + s.Addr
}

// Membership is what the server's zoo.cfg leads to: the lines of its dynamic file,
// sorted, with the version that is in the file's name behind them. It is "" while
// zoo.cfg leads to none, or while another one is proposed.
func (s *Server) Membership() (string, error) {
	file, err := s.dynamicFile()
	if file == "" || err != nil {
		return "", err
	}
	if _, err := os.Stat(s.configFile() + ".dynamic.next"); err == nil {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	version := file[strings.LastIndexByte(file, '.')+1:]
	return Sorted(string(text)) + "\nversion=" + version, nil
}

// dynamicFile is the last one that zoo.cfg names, "" if it names none.
func (s *Server) dynamicFile() (file string, err error) {
	text, err := os.ReadFile(s.configFile())
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "dynamicConfigFile="); ok {
			file = strings.TrimSpace(value)
		}
	}
	return file, nil
}

// Sorted is a text with its lines in order.
func Sorted(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// ConfigFiles are the names of what is beside the server's zoo.cfg, and of that.
func (s *Server) ConfigFiles() (names []string) {
	found, _ := filepath.Glob(s.configFile() + "*") // the pattern is not malformed
	for _, name := range found {
		names = append(names, filepath.Base(name))
	}
	return names
}
