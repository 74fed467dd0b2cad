package cli

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zabra/zabra/client"
)

// javaDate is the layout of Java's Date.toString.
const javaDate = "Mon Jan 02 15:04:05 MST 2006"

// statText is zkCli's stat block.
func statText(s *client.Stat) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cZxid = %v\n", s.Czxid)
	fmt.Fprintf(&b, "ctime = %s\n", time.UnixMilli(s.Ctime).Format(javaDate))
	fmt.Fprintf(&b, "mZxid = %v\n", s.Mzxid)
	fmt.Fprintf(&b, "mtime = %s\n", time.UnixMilli(s.Mtime).Format(javaDate))
	fmt.Fprintf(&b, "pZxid = %v\n", s.Pzxid)
	fmt.Fprintf(&b, "cversion = %d\n", s.Cversion)
	fmt.Fprintf(&b, "dataVersion = %d\n", s.Version)
	fmt.Fprintf(&b, "aclVersion = %d\n", s.Aversion)
	fmt.Fprintf(&b, "ephemeralOwner = 0x%x\n", uint64(s.EphemeralOwner))
	fmt.Fprintf(&b, "dataLength = %d\n", s.DataLength)
	fmt.Fprintf(&b, "numChildren = %d\n", s.NumChildren)
	return b.String()
}

// listText is how Java prints a list.
func listText(names []string) string { return "[" + strings.Join(names, ", ") + "]\n" }

// permLetters are the permissions in the order in which zkCli prints them.
const permLetters = "cdrwa"

var permBits = [len(permLetters)]int32{client.PermCreate, client.PermDelete, client.PermRead, client.PermWrite, client.PermAdmin}

func permText(perms int32) string {
	var b strings.Builder
	for i, bit := range permBits {
		if perms&bit != 0 {
			b.WriteByte(permLetters[i])
		}
	}
	return b.String()
}

func aclText(acl []client.ACL) string {
	var b strings.Builder
	for _, a := range acl {
		fmt.Fprintf(&b, "'%s,'%s\n: %s\n", a.ID.Scheme, a.ID.ID, permText(a.Perms))
	}
	return b.String()
}

// parseACL reads scheme:id:perms[,…]; an id may hold colons.
func parseACL(s string) ([]client.ACL, error) {
	var acl []client.ACL
	for _, part := range strings.Split(s, ",") {
		first, last := strings.IndexByte(part, ':'), strings.LastIndexByte(part, ':')
		if first < 0 || first == last {
			return nil, fmt.Errorf("%s does not have the form scheme:id:perm", part)
		}
		perms, err := parsePerms(part[last+1:])
		if err != nil {
			return nil, err
		}
		acl = append(acl, client.ACL{Perms: perms, ID: client.ID{Scheme: part[:first], ID: part[first+1 : last]}})
	}
	return acl, nil
}

func parsePerms(s string) (int32, error) {
	var perms int32
	for _, c := range s {
		i := strings.IndexRune(permLetters, c)
		if i < 0 {
			//lint:ignore ST1005 these are zkCli's words
			return 0, fmt.Errorf("Unknown perm type: %c", c)
		}
		perms |= permBits[i]
	}
	return perms, nil
}

// The JSON forms. Zxids and session ids are strings as ZooKeeper prints them:
// a 64-bit number does not survive every JSON reader.

type statJSON struct {
	Czxid          string `json:"czxid"`
	Ctime          int64  `json:"ctime"` // milliseconds since 1970
	Mzxid          string `json:"mzxid"`
	Mtime          int64  `json:"mtime"`
	Pzxid          string `json:"pzxid"`
	Version        int32  `json:"version"`
	Cversion       int32  `json:"cversion"`
	Aversion       int32  `json:"aversion"`
	EphemeralOwner string `json:"ephemeralOwner"`
	DataLength     int32  `json:"dataLength"`
	NumChildren    int32  `json:"numChildren"`

	stat *client.Stat
}

func statForJSON(s *client.Stat) *statJSON {
	if s == nil {
		return nil
	}
	return &statJSON{
		Czxid: s.Czxid.String(), Ctime: s.Ctime, Mzxid: s.Mzxid.String(), Mtime: s.Mtime, Pzxid: s.Pzxid.String(),
		Version: s.Version, Cversion: s.Cversion, Aversion: s.Aversion,
		EphemeralOwner: fmt.Sprintf("0x%x", uint64(s.EphemeralOwner)),
		DataLength:     s.DataLength, NumChildren: s.NumChildren,
		stat: s,
	}
}

// A nodeView is a node as far as a command reads it. Its text is what zkCli prints.
type nodeView struct {
	plain string // what stands before the stat in the text

	Path     string    `json:"path"`
	Data     *string   `json:"data,omitempty"`     // text, or base64 if it is not UTF-8
	Encoding string    `json:"encoding,omitempty"` // utf-8, base64, or null for no data
	Children *[]string `json:"children,omitempty"`
	ACL      []aclJSON `json:"acl,omitempty"`
	Stat     *statJSON `json:"stat,omitempty"`
}

type aclJSON struct {
	Scheme string `json:"scheme"`
	ID     string `json:"id"`
	Perms  string `json:"perms"`
}

func (n nodeView) text(p *printer) {
	p.printf("%s", n.plain)
	if n.Stat != nil {
		p.printf("%s", statText(n.Stat.stat))
	}
}

func (n *nodeView) setData(data []byte) {
	text := string(data)
	switch {
	case data == nil:
		n.Encoding = "null"
		return
	case utf8.Valid(data):
		n.Encoding = "utf-8"
	default:
		n.Encoding, text = "base64", base64.StdEncoding.EncodeToString(data)
	}
	n.Data = &text
}

func aclForJSON(acl []client.ACL) []aclJSON {
	var all []aclJSON
	for _, a := range acl {
		all = append(all, aclJSON{a.ID.Scheme, a.ID.ID, permText(a.Perms)})
	}
	return all
}
