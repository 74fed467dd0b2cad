package wire

import "strings"

// ValidPath reports whether path may be created: it is absolute, has no empty,
// "." or ".." component and no trailing slash (unless it is the root), and only
// characters that ZooKeeper allows: no controls, no surrogates or private use
// (U+D800 to U+F8FF), not U+FFF0 to U+FFFF, nothing beyond the basic plane.
func ValidPath(path string) bool {
	if path == "/" {
		return true
	}
	if len(path) == 0 || path[0] != '/' || path[len(path)-1] == '/' {
		return false
	}
	for rest := path[1:]; ; {
		name, tail, more := strings.Cut(rest, "/")
		if name == "" || name == "." || name == ".." || !validName(name) {
			return false
		}
		if !more {
			return true
		}
		rest = tail
	}
}

func validName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < 0x20 || c >= 0x7f {
			return validRunes(name[i:])
		}
	}
	return true
}

func validRunes(s string) bool {
	for _, r := range s {
		switch {
		case r <= 0x1f, r >= 0x7f && r <= 0x9f, r >= 0xd800 && r <= 0xf8ff, r >= 0xfff0:
			return false
		}
	}
	return true
}

// SplitPath returns the parent and the last component of a path that holds a
// slash. The parent of a top-level node is "/"; the root's parent is "" and
// its name "".
func SplitPath(path string) (parent, name string) {
	if path == "/" {
		return "", ""
	}
	i := strings.LastIndexByte(path, '/')
	if i == 0 {
		return "/", path[1:]
	}
	return path[:max(i, 0)], path[i+1:]
}
