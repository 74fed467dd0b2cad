//go:build unix

package osfs

import (
	"io/fs"
	"os"
	"syscall"
)

func keepOwner(info fs.FileInfo, to string) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(to, int(st.Uid), int(st.Gid)) // as far as it is allowed
	}
}
