package audit

import (
	"fmt"
	"os"
	"time"
)

// A file is a sink whose lines begin as those of ZooKeeper's sample configuration do:
// time, level, and the name of its logger.
type file struct {
	path    string
	f       *os.File
	line    []byte
	checked time.Time
}

// checkInterval is how often a file looks whether it was renamed.
const checkInterval = time.Second

func openFile(path string) (*file, error) {
	s := &file{path: path}
	return s, s.open()
}

func (s *file) open() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	s.f = f
	return nil
}

func (s *file) write(entries []entry) error {
	if err := s.follow(time.Now()); err != nil {
		return err
	}
	s.line = s.line[:0]
	for _, e := range entries {
		s.line = e.at.AppendFormat(s.line, "2006-01-02 15:04:05,000")
		level := " INFO"
		if e.failed {
			level = " ERROR"
		}
		s.line = append(append(append(s.line, level...), " audit.Slf4jAuditLogger: "...), e.text...)
		s.line = append(s.line, '\n')
	}
	if _, err := s.f.Write(s.line); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if cap(s.line) > keepBuffer {
		s.line = nil
	}
	return nil
}

// keepBuffer is how large a buffer may be that is kept, bytes.
const keepBuffer = 1 << 20

// follow opens the file anew when its name leads elsewhere: something has rotated it.
func (s *file) follow(now time.Time) error {
	if now.Sub(s.checked) < checkInterval && s.f != nil {
		return nil
	}
	s.checked = now
	if s.f == nil {
		return s.open()
	}
	named, err := os.Stat(s.path)
	opened, errOpen := s.f.Stat()
	if err == nil && errOpen == nil && os.SameFile(named, opened) {
		return nil
	}
	_ = s.f.Close()
	s.f = nil
	return s.open()
}

func (s *file) close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}
