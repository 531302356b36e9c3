// Package rescue confines a panic to the work that caused it: one run, one
// command, one file. It is for places that do many things side by side, where
// one must not end the others. It is not a way to handle errors: a panic is
// always a fault of rollcall itself. Both host and agent use it; it lives here
// because the agent imports the host, and the host does not import the agent.
package rescue

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Error is a panic turned into an error. The log has its stack.
type Error struct{ Value any }

func (e *Error) Error() string {
	return fmt.Sprintf("internal error of rollcall: %v; next: report it with the stack, which is in the agent's log at this moment", e.Value)
}

// Do calls do. If do panics, Do logs the panic once, with its stack and the
// attributes in about, and returns it as an *Error.
func Do(log *slog.Logger, do func() error, about ...any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("internal error", append([]any{"panic", v, "stack", string(debug.Stack())}, about...)...)
			err = &Error{Value: v}
		}
	}()
	return do()
}
