// Package control carries questions to an agent (package service) over a local
// socket. Each question is a named call with a JSON request; its answer is one
// JSON value, or a list of any length sent item by item. While the daemon
// runs, commands reach it through that socket; otherwise the same calls are
// served inside the command's own process. The package answers nothing itself,
// and it is not a network API: the socket belongs to the machine's
// administrators.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Transport sends one named call and decodes the answer into out.
//
// An error of the callee is returned as *Error; any other error means that the
// call did not get through. When ctx ends, Call asks the callee to stop and
// waits for its answer, which tells what was done so far. The progress of a
// call goes to the context (see package progress).
type Transport interface {
	Call(ctx context.Context, name string, in, out any) error
	// Stream sends one named call and passes the items of its answer to each
	// as they arrive. It stops at the first error of each and returns it
	// unchanged. The items count only if the error is nil, because only then
	// is the answer complete.
	Stream(ctx context.Context, name string, in any, each func(item json.RawMessage) error) error
}

// Error is the failure of a call as sent over the socket: the message to print
// and the exit code of the command.
type Error struct {
	Message string `json:"message"`
	Exit    int    `json:"exit"`
}

func (e *Error) Error() string { return e.Message }

// asError converts any failure to the form that is sent over the socket.
func asError(err error) *Error {
	var already *Error
	if errors.As(err, &already) {
		return already
	}
	var mistake *exit.UsageError
	if errors.As(err, &mistake) {
		return &Error{Message: err.Error(), Exit: exit.Usage}
	}
	return &Error{Message: err.Error(), Exit: exit.Failed}
}

// StoppedError is the cause of a context that somebody ended on purpose. Its
// text is shown with the result of the work: "stopped with Ctrl-C by ada".
type StoppedError string

func (s StoppedError) Error() string { return string(s) }

// Is makes the error match context.Canceled.
func (s StoppedError) Is(target error) bool { return target == context.Canceled }

// handler serves one call: it passes the items of the answer to each, one by
// one, and stops at the first error of each.
type handler func(ctx context.Context, caller service.Caller, in []byte, each func(any) error) error

// Mux holds the calls that an agent serves.
type Mux struct {
	handlers map[string]handler
	before   func(context.Context) error
	log      *slog.Logger
}

// NewMux returns a Mux without calls. A call that panics is logged, and fails
// alone.
func NewMux(log *slog.Logger) *Mux {
	return &Mux{handlers: map[string]handler{}, before: func(context.Context) error { return nil }, log: log}
}

// Before makes every call first wait for wait, and fail with its error.
func (m *Mux) Before(wait func(context.Context) error) *Mux {
	m.before = wait
	return m
}

// Handle registers a call. Each name can be registered only once.
func Handle[In, Out any](m *Mux, name string, serve func(context.Context, service.Caller, In) (Out, error)) {
	HandleStream(m, name, func(ctx context.Context, caller service.Caller, in In, each func(any) error) error {
		out, err := serve(ctx, caller, in)
		if err != nil {
			return err
		}
		return each(out)
	})
}

// HandleStream registers a call whose answer is a list of any length: serve
// passes its items to each, one by one, and stops at the first error of each.
func HandleStream[In any](m *Mux, name string, serve func(ctx context.Context, caller service.Caller, in In, each func(any) error) error) {
	m.handlers[name] = func(ctx context.Context, caller service.Caller, body []byte, each func(any) error) error {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return exit.Mistake(fmt.Errorf("decode request of %s: %w", name, err))
		}
		return serve(ctx, caller, in, each)
	}
}

// serve answers one call.
func (m *Mux) serve(ctx context.Context, caller service.Caller, name string, body []byte, each func(any) error) error {
	h, ok := m.handlers[name]
	if !ok {
		return unknown(name)
	}
	if err := m.before(ctx); err != nil {
		return err
	}
	err := rescue.Do(m.log, func() error { return h(ctx, caller, body, each) }, "call", name, "by", caller)
	var why StoppedError
	if err != nil && errors.As(context.Cause(ctx), &why) && errors.Is(err, context.Canceled) && !errors.As(err, &why) {
		err = fmt.Errorf("%w: %w", why, err)
	}
	return err
}

func unknown(name string) error {
	return exit.Mistake(fmt.Errorf("the running agent does not know %q: is it of another version than this command?", name))
}

// one decodes the single item of the answer to a call.
func one(name string, out any, stream func(each func(json.RawMessage) error) error) error {
	items := 0
	err := stream(func(item json.RawMessage) error {
		items++
		return json.Unmarshal(item, out)
	})
	if err == nil && items != 1 {
		return fmt.Errorf("the answer of %s has %d parts, not one", name, items)
	}
	return err
}

// Local serves calls inside this process.
type Local struct {
	Mux    *Mux
	Caller service.Caller
}

var _ Transport = (*Local)(nil)

// Call implements Transport.
func (l *Local) Call(ctx context.Context, name string, in, out any) error {
	return one(name, out, func(each func(json.RawMessage) error) error { return l.Stream(ctx, name, in, each) })
}

// Stream implements Transport.
func (l *Local) Stream(ctx context.Context, name string, in any, each func(json.RawMessage) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request of %s: %w", name, err)
	}
	var own error // of each
	err = l.Mux.serve(ctx, l.Caller, name, body, func(item any) error {
		raw, err := json.Marshal(item)
		if err != nil {
			return err
		}
		own = each(raw)
		return own
	})
	switch {
	case own != nil:
		return own
	case err != nil:
		return asError(err)
	}
	return nil
}
