// Package exit holds the exit codes of every command, and marks the errors that
// are a caller's own mistake. It is for whatever answers a caller, near or over
// the socket; it ends no process.
package exit

// The exit codes of every command.
const (
	Done       = 0
	Failed     = 1 // some writes failed included
	Usage      = 2 // wrong usage or configuration
	Held       = 3 // something is held or refused by limits, or the delivery was in doubt
	Quarantine = 4 // done, but something needs a person
)

// UsageError is a caller's own mistake: a name that does not exist, a plan made
// with another configuration.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// Mistake marks err as the caller's own.
func Mistake(err error) error { return &UsageError{err} }
