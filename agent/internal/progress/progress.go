// Package progress carries how far a long piece of work is from the code that
// does it to whoever waits for it, along the context. It is not for logs: a
// step that nobody waits for is dropped, and so is one that another has
// overtaken.
package progress

import (
	"context"
	"fmt"
)

// Step is how far the work is: what is being done, how much of it is done, and
// of how much when that is known.
type Step struct {
	Phase string `json:"phase"`
	Done  int    `json:"done,omitempty"`
	Of    int    `json:"of,omitempty"`
	// Notice is for a step that somebody without a terminal must see too: the
	// work has not begun, and waits for something else.
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

// With returns a context whose steps go to tell. Whoever does the work calls
// it, perhaps from several goroutines, and must not be held up.
func With(ctx context.Context, tell func(Step)) context.Context {
	return context.WithValue(ctx, key{}, tell)
}

// Tell hands a step to whoever waits, if anybody does.
func Tell(ctx context.Context, s Step) {
	if tell, ok := ctx.Value(key{}).(func(Step)); ok {
		tell(s)
	}
}
