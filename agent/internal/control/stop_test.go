package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// serveMux serves calls of a test's own.
func serveMux(t *testing.T, m *Mux) *Remote {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	listener, err := Listen(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, m, 10*time.Second, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	remote, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return remote
}

// working has a call that works until it is stopped, and then tells why it was
// and what it has done.
func working(begun chan<- struct{}) *Mux {
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "work", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return greeting{context.Cause(ctx).Error()}, nil
	})
	Handle(m, "fail", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return greeting{}, ctx.Err()
	})
	return m
}

// A command that is stopped gets the answer: what was done until then.
func TestStoppedCallAnswers(t *testing.T) {
	begun := make(chan struct{}, 1)
	m := working(begun)
	for way, by := range map[string]string{"local": "", "socket": " by " + string(Self())} {
		var client Transport = &Local{m, Self()}
		if way == "socket" {
			client = serveMux(t, m)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		go func() { <-begun; stop(StoppedError("stopped with Ctrl-C")) }()
		var out greeting
		if err := client.Call(ctx, "work", greeting{}, &out); err != nil || out.Name != "stopped with Ctrl-C"+by {
			t.Errorf("%s: %q, %v", way, out.Name, err)
		}
		ctx, stop = context.WithCancelCause(t.Context())
		go func() { <-begun; stop(StoppedError("stopped with Ctrl-C")) }()
		err := client.Call(ctx, "fail", greeting{}, &out)
		var e *Error
		if !errors.As(err, &e) || e.Message != "stopped with Ctrl-C"+by+": context canceled" || e.Exit != exit.Failed {
			t.Errorf("%s: a call that tells nothing: %v", way, err)
		}
	}
}

// A command that was stopped before the agent took its call is told to the
// agent all the same.
func TestStoppedBeforeItBegan(t *testing.T) {
	begun := make(chan struct{}, 1)
	ctx, stop := context.WithCancelCause(t.Context())
	stop(StoppedError("stopped with Ctrl-C"))
	var out greeting
	if err := serveMux(t, working(begun)).Call(ctx, "work", greeting{}, &out); err != nil || !strings.HasPrefix(out.Name, "stopped with Ctrl-C") {
		t.Errorf("%q, %v", out.Name, err)
	}
}

// A command that was killed stops what it asked for.
func TestCommandThatIsGone(t *testing.T) {
	begun, why := make(chan struct{}, 1), make(chan string, 1)
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "work", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
		begun <- struct{}{}
		<-ctx.Done()
		why <- context.Cause(ctx).Error()
		return greeting{}, nil
	})
	remote := serveMux(t, m)
	ctx, kill := context.WithCancel(t.Context())
	go func() { <-begun; kill() }()
	if resp, err := remote.send(ctx, "work", "1", greeting{}); err == nil { // the context of the connection, not of the call
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if got := <-why; got != "stopped because the command of "+string(Self())+" was ended" {
		t.Errorf("the call was told %q", got)
	}
}

// An answer that is nothing is an answer.
func TestNothingIsAnAnswer(t *testing.T) {
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "work", func(context.Context, service.Caller, greeting) (*greeting, error) { return nil, nil })
	for way, client := range map[string]Transport{"local": &Local{m, Self()}, "socket": serveMux(t, m)} {
		out := &greeting{"before"}
		if err := client.Call(t.Context(), "work", greeting{}, &out); err != nil || out != nil {
			t.Errorf("%s: %+v, %v", way, out, err)
		}
	}
}

func TestProgressArrives(t *testing.T) {
	for _, way := range []string{"local", "socket"} {
		seen := make(chan string, 1)
		m := NewMux(slog.New(slog.DiscardHandler))
		Handle(m, "work", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
			progress.Tell(ctx, progress.Step{Phase: "writing", Done: 1, Of: 2})
			return greeting{<-seen}, nil // it arrives while the call is under way
		})
		var client Transport = &Local{m, Self()}
		if way == "socket" {
			client = serveMux(t, m)
		}
		var out greeting
		ctx := progress.With(t.Context(), func(s progress.Step) { seen <- s.String() })
		if err := client.Call(ctx, "work", greeting{}, &out); err != nil || out.Name != "writing 1 of 2" {
			t.Errorf("%s: %q, %v", way, out.Name, err)
		}
	}
}

// Work never waits for a command that does not read, such as one that a person
// has suspended with Ctrl-Z.
func TestProgressWaitsForNobody(t *testing.T) {
	m := NewMux(slog.New(slog.DiscardHandler))
	worked := make(chan struct{})
	Handle(m, "work", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
		for i := range 200_000 { // far more than a socket holds
			progress.Tell(ctx, progress.Step{Phase: strings.Repeat("x", 100), Done: i})
		}
		close(worked)
		return greeting{}, nil
	})
	resp, err := serveMux(t, m).send(t.Context(), "work", "1", greeting{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	<-worked
}

// An agent and a command of different versions say so.
func TestAnotherVersion(t *testing.T) {
	remote := serveMux(t, testMux())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://rollcall/greet", strings.NewReader(`{"Name":"Ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := remote.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var e Error
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(e.Message, "another version") {
		t.Errorf("%s: %+v, %v", resp.Status, e, err)
	}
}

func TestCallsWaitForTheirTurn(t *testing.T) {
	turn, asked := make(chan error), make(chan struct{}, 1)
	m := testMux().Before(func(ctx context.Context) error {
		asked <- struct{}{}
		select {
		case err := <-turn:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	remote := serveMux(t, m)
	for _, fails := range []error{nil, errors.New("the agent could not start")} {
		answered := make(chan error, 1)
		go func() { answered <- remote.Call(t.Context(), "greet", greeting{"Ada"}, &greeting{}) }()
		<-asked
		turn <- fails
		if err := <-answered; (err == nil) != (fails == nil) || err != nil && err.Error() != fails.Error() {
			t.Errorf("want %v, got %v", fails, err)
		}
	}
}
