// Package progress reports how far a long piece of work has come. The reports go
// from the code that does the work to the caller that waits for it, through the
// context. It is not for logs: a step is dropped when nobody waits for it, or
// when a later step has overtaken it.
package progress

import (
	"context"
	"fmt"
)

// Step says how far the work has come: what is being done, how much of it is
// done, and out of how much when that is known.
type Step struct {
	Phase string `json:"phase"`
	Done  int    `json:"done,omitempty"`
	Of    int    `json:"of,omitempty"`
	// Notice marks a step that must be shown even without a terminal: the work
	// has not begun because it waits for something else.
	Notice bool `json:"notice,omitempty"`
}

func (s Step) String() string {
	switch {
	case s.Of > 0:
		return fmt.Sprintf("%s %d of %d", s.Phase, s.Done, s.Of)
	case s.Done > 0:
		return fmt.Sprintf("%s: %d", s.Phase, s.Done)
	}
	return s.Phase
}

type key struct{}

// With returns a context whose steps go to tell. The code that does the work
// calls tell, perhaps from several goroutines, and tell must not block it.
func With(ctx context.Context, tell func(Step)) context.Context {
	return context.WithValue(ctx, key{}, tell)
}

// Tell passes a step to the caller that waits, if there is one.
func Tell(ctx context.Context, s Step) {
	if tell, ok := ctx.Value(key{}).(func(Step)); ok {
		tell(s)
	}
}
