package store

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// recognise sets the Origin of the parts of an event that the agent wrote itself.
// Nothing is recognised yet.
func recognise(context.Context, *batch, *ident.Event) error { return nil }
