package zoocfg

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/properties"
	"github.com/zabra/zabra/quorum"
)

// Names beside a zoo.cfg, as in ZooKeeper.
const (
	backupSuffix  = ".bak"
	dynamicSuffix = ".dynamic."
	nextSuffix    = ".dynamic.next"
)

// BackupName is the file that keeps a zoo.cfg as it was before the membership moved
// out of it.
func BackupName(file string) string { return file + backupSuffix }

// DynamicName is the file of a membership of that version.
func DynamicName(file string, version int64) string {
	return file + dynamicSuffix + strconv.FormatInt(version, 16)
}

// NextName is the file of a membership that is proposed and not committed.
func NextName(file string) string { return file + nextSuffix }

// DynamicText is what a dynamic file holds: the lines of a membership without the
// version, which is in the file's name. With it, it is what the file of NextName holds.
// Their order is ZooKeeper's.
func DynamicText(c quorum.Config, withVersion bool) []byte {
	lines := strings.Split(string(c.Text()), "\n")
	if !withVersion {
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "version=") })
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n"))
}

// Rewritten is the text of a zoo.cfg when the membership is in a dynamic file: without
// server, group and weight lines and peerType, which that says, and with
// dynamicConfigFile. eraseClient drops the client port and its address too: right if
// this server's line has a client part. Comments, and the order of the other lines,
// stay.
func Rewritten(text []byte, dynamicFile string, eraseClient bool) []byte {
	var (
		out  bytes.Buffer
		r    = properties.NewReader(text)
		kept = 0
	)
	for {
		logical, _, ok := r.Next()
		if !ok {
			out.Write(text[kept:])
			break
		}
		if start, end := r.Extent(); moves(logical, eraseClient) {
			out.Write(bytes.TrimRight(text[kept:start], " \t\f")) // and what it was indented by
			kept = end
		}
	}
	if b := out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		out.WriteByte('\n')
	}
	if bytes.HasSuffix(withoutLineEnd(out.Bytes()), []byte(`\`)) {
		out.WriteByte('\n') // or the last line would go on in ours
	}
	out.WriteString("dynamicConfigFile=" + properties.Escape(dynamicFile) + "\n")
	return out.Bytes()
}

// moves reports whether a line is told by the dynamic file from now on.
func moves(logical []byte, eraseClient bool) bool {
	name, ok := properties.Key(logical)
	if !ok {
		return false
	}
	key, _, known := keys.lookup(name)
	if !known {
		return false
	}
	switch key.Name {
	case "dynamicConfigFile", "peerType", "version":
		return true
	case "clientPort", "clientPortAddress":
		return eraseClient
	}
	return isMembership(key)
}

func withoutLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}
