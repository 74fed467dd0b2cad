package zoocfg

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/properties"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// fromDynamicFile reads the file of dynamicConfigFile, which may hold only
// server, group and weight lines. A relative path is relative to the working
// directory, as in ZooKeeper.
func (l *loader) fromDynamicFile() {
	path := l.cfg.Ensemble.DynamicFile
	if path == "" {
		return
	}
	l.refuseStaticMembership()
	text, err := l.read(path)
	if err == nil && len(text) > maxFileBytes {
		err = errTooLarge
	}
	if err != nil {
		l.errs = append(l.errs, &FileError{Path: path, Role: "dynamic configuration file", Err: err})
		return
	}
	props, err := parseProperties(path, text)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	unlike := firstUnlike(props)
	for _, p := range properties.LastOfEach(props) {
		origin := Origin{File: path, Line: p.Line}
		if line, twice := unlike[p.Key]; twice {
			l.errs = append(l.errs, twiceError(p.Key, origin, line))
		}
		l.applyDynamic(p, origin)
	}
	l.cfg.Ensemble.Version = versionOfName(path)
	l.fromNextFile()
}

// fromNextFile reads what was proposed and not known to be committed, if there is
// such a file beside zoo.cfg.
func (l *loader) fromNextFile() {
	path := NextName(l.cfg.File)
	text, err := l.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		l.cfg.Ensemble.Next, err = quorum.Parse(text)
	}
	if err != nil {
		l.errs = append(l.errs, &FileError{Path: path, Role: "proposed configuration file", Err: err})
	}
}

func isMembership(k *Key) bool {
	return k.Name == "server." || k.Name == "group." || k.Name == "weight."
}

func (l *loader) refuseStaticMembership() {
	for i := range l.written {
		if w := &l.written[i]; isMembership(w.key) {
			l.errs = append(l.errs, &ConflictError{Origin: w.origin, Key: w.as,
				Problem: "server, group and weight lines belong into the dynamicConfigFile when there is one"})
		}
	}
}

func (l *loader) applyDynamic(p properties.Property, origin Origin) {
	key, suffix, ok := keys.lookup(p.Key)
	if !ok || !isMembership(key) {
		problem := "only server, group and weight lines may stand in a dynamic configuration file"
		if p.Key == "version" {
			problem = "the version of a dynamic configuration file is the suffix of its name; remove this line"
		}
		l.errs = append(l.errs, &ConflictError{Origin: origin, Key: p.Key, Problem: problem})
		return
	}
	w := written{as: p.Key, key: key, suffix: suffix, value: p.Value, origin: origin}
	if want := w.apply(l.cfg); want != "" {
		l.errs = append(l.errs, w.malformed(want))
	}
}

// versionOfName is the hexadecimal number after the last dot of a dynamic file's
// name, 0 if there is none: zoo.cfg.dynamic.100000012 is version 0x100000012.
func versionOfName(path string) uint64 {
	dot := strings.LastIndexByte(path, '.')
	version, err := strconv.ParseUint(path[dot+1:], 16, 63)
	if dot < 0 || err != nil {
		return 0
	}
	return version
}

// readMyID reads dataDir/myid: the id is the first line. A server without the
// file has NoSID, which only an ensemble minds.
func (l *loader) readMyID() {
	if l.cfg.DataDir == "" {
		return
	}
	path := filepath.Join(l.cfg.DataDir, "myid")
	text, err := l.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.errs = append(l.errs, &FileError{Path: path, Role: "myid file", Err: err})
		l.cfg.Ensemble.unreadable = true
		return
	}
	id, want := parseMyID(text)
	if want != "" {
		l.errs = append(l.errs, &ValueError{Origin: Origin{File: path, Line: 1}, Key: "myid", Value: firstLine(text), Want: want})
		l.cfg.Ensemble.unreadable = true
		return
	}
	l.cfg.Ensemble.MyID = id
}

func parseMyID(text []byte) (id wire.SID, want string) {
	id, ok := quorum.ParseSID(firstLine(text))
	if !ok {
		return NoSID, "a whole number from 0 to 255"
	}
	return id, ""
}

// firstLine returns the first line, trimmed and cut to a length that a message
// can show.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text[:min(len(text), 256)]), "\n")
	return properties.Trim(line)
}
