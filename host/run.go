package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

var errTimeout = errors.New("the time for the whole call is over")

// ending describes how a guest's code ended.
type ending struct {
	status  int32
	missing bool  // the export is not there
	err     error // a trap, an exit, or the end of its context
	cause   error // why the context ended, when it did
	memory  uint64
	said    string // the last words on stderr of a program that aborted
}

// ok reports whether the guest says that the call succeeded.
func (e ending) ok() bool { return e.err == nil && e.cause == nil && !e.missing && e.status == 0 }

// run calls one export of an instance and says how that ended. It does not
// panic. The instance is an idle one, or else new, and is returned when it can
// serve another call; otherwise it is discarded. Only an invoke and the fetch of
// a single record keep their instance: they are short, and there are many.
func (c *Connector) run(state *abi1.Call, export string, of owner, kept bool) (end ending, next *instance) {
	ctx, clock := abi1.NewClock(state.Context, c.host.settings.CallTimeout)
	defer clock.Stop()
	state.Clock = clock
	var i *instance
	if kept {
		i = c.host.idle.take(of)
	}
	fresh := i == nil
	if fresh {
		i = &instance{}
	}
	i.begin(ctx, state)
	end = c.serve(ctx, i, state, export, fresh)
	if kept && end.ok() && !state.Refused && i.reusable(ctx) {
		i.end(state)
		return end, i
	}
	i.close()
	return end, nil
}

// serve calls one export, after the start of an instance that is fresh.
func (c *Connector) serve(ctx context.Context, i *instance, state *abi1.Call, export string, fresh bool) (end ending) {
	defer func() {
		if p := recover(); p != nil {
			end.err = fmt.Errorf("panic: %v", p)
		}
		end.cause, end.said, end.memory = context.Cause(ctx), i.stderr.panicked, i.size()
		if m := i.memory(); m != nil && c.host.look != nil {
			c.host.look(m)
		}
	}()
	if fresh {
		if err := c.start(ctx, i); err != nil {
			return ending{err: err}
		}
	}
	f := i.guest.ExportedFunction(export) // each has a stack of its own, which deep recursion may enlarge
	if f == nil {
		return ending{missing: true}
	}
	results, err := f.Call(abi1.With(ctx, state))
	if err != nil {
		return ending{err: err}
	}
	return ending{status: api.DecodeI32(results[0])}
}

// verdict decides whether a call succeeded. If something broke, records
// delivered before never count, whatever the guest says.
func (c *Connector) verdict(state *abi1.Call, app Application, j job, end ending) error {
	fault := func(kind abi.Kind, format string, args ...any) error {
		e := c.fault(app, j.input.Function, kind, fmt.Sprintf(format, args...))
		e.Status, e.Sent, e.After = state.Status, state.Sent, state.After
		return e
	}
	cause := context.Cause(state.Context)
	tip, paged := state.PageFault(end.ok() && state.Broken == nil)
	switch {
	case state.SinkErr != nil:
		return state.SinkErr
	case errors.Is(cause, errTimeout):
		return fault(abi.KindUnavailable, "it did not end within %s", j.timeout)
	case cause != nil:
		return fmt.Errorf("%s %s: %w", j.input.Function, app.Name, cause)
	case state.Stalled() != nil:
		err := c.fault(app, j.input.Function, abi.KindBadResponse, fmt.Sprintf("endpoint %s: %v", j.input.Endpoint.Name, state.Stalled()))
		err.Status = state.Status
		err.Next = fmt.Sprintf("nothing was changed; see whether the application answers this request with another page. "+
			"Where so many empty pages are usual, allow more of them: repeat = { max_empty = 1000 } in [applications.%s.endpoints.%s]",
			app.Name, j.input.Endpoint.Name)
		return err
	case paged != nil:
		err := c.fault(app, j.input.Function, abi.KindBadResponse, fmt.Sprintf("endpoint %s: %v", j.input.Endpoint.Name, paged))
		err.Status, err.Next = state.Status, tip
		return err
	case state.Client.Local() != nil && (end.err != nil || end.status != 0 || state.Broken != nil || state.Check):
		e := c.fault(app, j.input.Function, abi.KindConfig, state.Client.Local().Error())
		e.Sent, e.Next, e.Err = state.Sent, "", state.Client.Local() // its text has the next step
		return e
	case end.missing:
		return fault(abi.KindConfig, "the connector does not support it: it has no %s", j.export)
	case errors.Is(end.cause, abi1.ErrGuestTime):
		return fault(abi.KindInternal, "the connector's code ran for more than %s without asking for anything, and was stopped",
			c.host.settings.CallTimeout)
	case end.err != nil:
		return fault(abi.KindInternal, "%s", trap(end))
	case end.status == 0 && state.Broken != nil:
		return fault(abi.KindBadResponse, "%v", state.Broken)
	case end.status == 0:
		return nil
	case state.Failure == nil:
		return fault(abi.KindInternal, "the connector failed (status %d) and did not say why", end.status)
	}
	return fault(state.Failure.Kind, "%s", state.Failure.Text)
}

func (c *Connector) fault(app Application, function string, kind abi.Kind, message string) *CallError {
	if app.Credentials != nil {
		message = body.Redact(message, app.Credentials.Redact())
	}
	return &CallError{
		Connector: c.module.Manifest.Name, Application: app.Name, Function: function,
		Kind: kind, Message: message, Next: next(kind, function, app.Name),
	}
}

// trap describes in one line how a guest's code broke off.
func trap(end ending) string {
	var exit *sys.ExitError
	var abort *abi1.AbortError
	if errors.As(end.err, &abort) {
		return abort.Error()
	}
	text, _, _ := strings.Cut(end.err.Error(), "\n")
	if errors.As(end.err, &exit) {
		text = fmt.Sprintf("the connector's code ended with exit status %d", exit.ExitCode())
	}
	if end.said != "" {
		text += ": " + end.said
	}
	return text
}

// resultOf returns the result of a call as metrics name it.
func resultOf(err error) string {
	var call *CallError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &call):
		return call.Kind.String()
	}
	return "stopped"
}

// random reads the system's random numbers until the call ends, because a guest
// may ask to fill all of its memory at once.
type random struct{ of *instance }

func (r random) Read(p []byte) (int, error) {
	const piece = 1 << 20
	if err := r.of.ctx.Err(); err != nil {
		return 0, err
	}
	return rand.Read(p[:min(len(p), piece)])
}

// lines passes on a guest's output line by line until ctx ends, because one
// call may write all of the guest's memory millions of times. The receiver cuts
// lines that are too long.
type lines struct {
	ctx      context.Context //nolint:containedctx // io.Writer takes none
	to       func(string)
	part     []byte
	panicked string
}

func (l *lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if err := l.ctx.Err(); err != nil {
			return 0, err
		}
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if room := abi.MaxTextSize + 1 - len(l.part); len(line) > room {
			line = line[:max(room, 0)]
		}
		l.part = append(l.part, line...)
		rest = after
		if ended {
			l.line(string(l.part))
			l.part = l.part[:0]
		}
	}
	return len(p), nil
}

func (l *lines) line(s string) {
	if l.panicked == "" && (strings.HasPrefix(s, "panic: ") || strings.HasPrefix(s, "fatal error: ")) {
		l.panicked = s
	}
	l.to(s)
}
