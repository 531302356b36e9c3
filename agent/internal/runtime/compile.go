package runtime

import (
	"context"

	"github.com/rollcall-agent/rollcall/host"
)

// CompileIfAsked compiles a connector if this process is a child that an agent
// started for that purpose: foreign code is compiled under limits, outside the
// agent. A program that opens an agent must call it first and, if asked is
// true, exit with the code.
func CompileIfAsked(ctx context.Context) (code int, asked bool) {
	if !host.IsCompiler() {
		return 0, false
	}
	return host.CompileMain(ctx), true
}
