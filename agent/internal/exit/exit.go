// Package exit holds the exit codes of every command, and marks the errors that
// are a caller's own mistake. It is for code that answers a caller, in the same
// process or over the socket. It does not end the process.
package exit

// The exit codes of every command.
const (
	Done       = 0
	Failed     = 1 // some writes failed included
	Usage      = 2 // wrong usage or configuration
	Held       = 3 // something is held or refused by limits, or the delivery was in doubt
	Quarantine = 4 // done, but something needs a person
)

// UsageError is a caller's own mistake, such as a name that does not exist, or a
// plan that was made with another configuration.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Mistake marks err as the caller's own mistake.
func Mistake(err error) error { return &UsageError{err} }
