package slowfs

import (
	"time"

	"github.com/zabra/zabra/internal/vfs"
)

// New returns inner with every operation held up for as long as delay says
// before it starts. The delay passes in time.Sleep, so it costs nothing inside
// a synctest bubble. delay is called on the goroutine of the caller and has to
// bear concurrent calls.
func New(inner vfs.FS, delay func(vfs.Call) time.Duration) vfs.FS {
	return vfs.Intercept(inner, vfs.Hooks{Before: func(c vfs.Call) error {
		if d := delay(c); d > 0 {
			time.Sleep(d)
		}
		return nil
	}})
}
