package client_test

import (
	"testing"

	"github.com/zabra/zabra/internal/testserver"
)

// The same tests hold for a server that is reached within its process.
func TestInProcess(t *testing.T) { testserver.AllInProcess(t, 30) }
