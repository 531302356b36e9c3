package credential

import "context"

// Turn lets one goroutine at a time do something. The others wait, but only as
// long as their contexts allow. Create one with NewTurn.
type Turn chan struct{}

// NewTurn returns a Turn that is free.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn. Its error is the context's.
func (t Turn) Take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Give ends the turn.
func (t Turn) Give() { <-t }
