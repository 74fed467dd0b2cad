package zab

import (
	"fmt"
	"testing"
)

// caught is what a catcher panics with.
type caught string

// A catcher is a testing.TB that does not fail the test, but tells that a check
// failed.
type catcher struct{ testing.TB }

func (catcher) Fatalf(format string, args ...any) { panic(caught(fmt.Sprintf(format, args...))) }
func (catcher) Logf(string, ...any)               {}

// catch runs f and returns what a check said, "" if all passed.
func catch(t testing.TB, f func(testing.TB)) (said string) {
	defer func() {
		if p := recover(); p != nil {
			c, ok := p.(caught)
			if !ok {
				panic(p)
			}
			said = string(c)
		}
	}()
	f(catcher{t})
	return ""
}
