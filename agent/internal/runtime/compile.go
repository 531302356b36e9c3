package runtime

import (
	"context"

	"github.com/rollcall-agent/rollcall/host"
)

// CompileIfAsked compiles a connector when this process is the child that an
// agent started for it: foreign code is compiled under limits, outside the agent.
// A program that opens an agent calls it before anything else, and ends with the
// code when it was asked.
func CompileIfAsked(ctx context.Context) (code int, asked bool) {
	if !host.IsCompiler() {
		return 0, false
	}
	return host.CompileMain(ctx), true
}
