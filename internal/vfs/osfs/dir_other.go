//go:build !unix && !windows

package osfs

import (
	"errors"
	"os"
)

func syncDir(string) error { return errors.ErrUnsupported }

func lock(*os.File) error { return errors.ErrUnsupported }
