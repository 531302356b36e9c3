// Package control is the one way into the agent: every command is a named
// call with a JSON request and a JSON answer. While the daemon runs, commands
// reach it through a local socket; otherwise the same calls are served inside
// the command's own process. It is not a network API: the socket belongs to
// the machine's administrators.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Caller is who asks, for the journal: "root", "uid 1000", "DOMAIN\\name".
type Caller string

// Client sends one named call and decodes the answer into out.
//
// An error of the callee comes back as *Error; any other error means that the
// call did not get through.
type Client interface {
	Call(ctx context.Context, name string, in, out any) error
	// Stream sends one named call and hands the items of its answer to each, as
	// they come. It ends with the first error of each, and returns it as it is.
	// Items count only when the error is nil: the answer was whole.
	Stream(ctx context.Context, name string, in any, each func(item json.RawMessage) error) error
}

// Error is a call's failure as it crosses the socket: what to print and the
// exit code of the command.
type Error struct {
	Message string `json:"message"`
	Exit    int    `json:"exit"`
}

func (e *Error) Error() string { return e.Message }

// The exit codes of every command.
const (
	ExitDone       = 0
	ExitFailed     = 1 // some writes failed included
	ExitUsage      = 2 // wrong usage or configuration
	ExitHeld       = 3 // something is held or refused by limits, or the delivery was in doubt
	ExitQuarantine = 4 // done, but something needs a person
)

// Usage marks err as the caller's mistake: a name that does not exist, a plan
// made with another configuration.
func Usage(err error) error { return &usageError{err} }

type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// asError turns any failure into the form that crosses the socket.
func asError(err error) *Error {
	var already *Error
	if errors.As(err, &already) {
		return already
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return &Error{Message: err.Error(), Exit: ExitUsage}
	}
	return &Error{Message: err.Error(), Exit: ExitFailed}
}

type handler func(ctx context.Context, who Caller, in []byte) (any, error)

// Mux holds the calls that an agent serves.
type Mux struct {
	handlers map[string]handler
	streams  map[string]streamer
	log      *slog.Logger
}

// NewMux returns a Mux without calls. A call that panics is logged, and fails
// alone.
func NewMux(log *slog.Logger) *Mux {
	return &Mux{handlers: map[string]handler{}, streams: map[string]streamer{}, log: log}
}

// Handle registers a call. A name can be registered once.
func Handle[In, Out any](m *Mux, name string, serve func(context.Context, Caller, In) (Out, error)) {
	m.handlers[name] = func(ctx context.Context, who Caller, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, Usage(fmt.Errorf("decode request of %s: %w", name, err))
		}
		return serve(ctx, who, in)
	}
}

func (m *Mux) call(ctx context.Context, who Caller, name string, body []byte) ([]byte, error) {
	h, ok := m.handlers[name]
	if !ok {
		return nil, unknown(name)
	}
	var answer []byte
	err := rescue.Do(m.log, func() error {
		out, err := h(ctx, who, body)
		if err == nil {
			answer, err = json.Marshal(out)
		}
		return err
	}, "call", name, "by", who)
	return answer, err
}

func unknown(name string) error {
	return Usage(fmt.Errorf("the running agent does not know %q: is it of another version than this command?", name))
}

// Local serves calls inside this process.
type Local struct {
	Mux *Mux
	Who Caller
}

var _ Client = (*Local)(nil)

// Call implements Client.
func (l *Local) Call(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request of %s: %w", name, err)
	}
	answer, err := l.Mux.call(ctx, l.Who, name, body)
	if err != nil {
		return asError(err)
	}
	return json.Unmarshal(answer, out)
}
