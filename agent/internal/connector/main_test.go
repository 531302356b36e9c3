package connector

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

// scratch holds what all tests share; it is removed at the end.
var (
	scratch        string
	scratchContext = context.Background()
)

// TestMain lets the host compile connectors in this program, and gives the tests
// a folder to share.
func TestMain(m *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	os.Exit(shared(m))
}

func shared(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "rollcall-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	return m.Run()
}
