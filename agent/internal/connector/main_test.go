package connector

import (
	"context"
	"os"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

// TestMain lets the host compile connectors in this program.
func TestMain(m *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	os.Exit(m.Run())
}
