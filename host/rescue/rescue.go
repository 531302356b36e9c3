// Package rescue keeps a panic within what it is about: one run, one command,
// one file. It is for places where many things are done beside each other and
// one must not end the others. It is not a way to handle errors: a panic is
// always a fault of rollcall itself. It stands here because host and agent both
// use it, and the agent imports the host, not the other way round.
package rescue

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Error is a panic. Its stack is in the log.
type Error struct{ Value any }

func (e *Error) Error() string {
	return fmt.Sprintf("internal error of rollcall: %v; next: report it with the stack, which is in the agent's log at this moment", e.Value)
}

// Do calls do. When that panics, the panic is logged once with its stack and
// what it was about, and returned as an *Error.
func Do(log *slog.Logger, do func() error, about ...any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("internal error", append([]any{"panic", v, "stack", string(debug.Stack())}, about...)...)
			err = &Error{Value: v}
		}
	}()
	return do()
}
