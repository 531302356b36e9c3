package runtime_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// A command that comes while the agent starts waits for it, is told so, and then
// gets its answer or the reason why there is none.
func TestCommandsWaitForTheStart(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for name, c := range map[string]struct {
		fails error
		limit time.Duration
		says  string
	}{
		"it becomes ready":       {nil, time.Hour, ""},
		"it cannot start":        {errors.New("connectors: cosmic rays"), time.Hour, "the agent could not start: connectors: cosmic rays"},
		"it never becomes ready": {nil, time.Nanosecond, "has been starting for 1ns and is still opening the state: nothing was done"},
	} {
		cfg := &config.Config{Agent: config.Agent{StateDir: t.TempDir()}, Store: config.Store{StagingMiB: 1}}
		a, err := runtime.Lock(t.Context(), cfg, runtime.Settings{Log: log})
		must(t, err)
		listener, err := control.Listen(t.Context(), cfg.Agent.StateDir)
		must(t, err)
		wait, end := runtime.NewStart(time.Millisecond, c.limit)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- control.Serve(ctx, listener, control.Calls(service.New(a), log).Before(wait), time.Second, log)
		}()

		said, ended := make(chan progress.Step, 1), make(chan error, 1)
		var runs []service.Run
		go func() {
			waiting := progress.With(t.Context(), func(s progress.Step) {
				select {
				case said <- s:
				default: // the first one counts
				}
			})
			remote, err := control.Connect(waiting, cfg.Agent.StateDir)
			if err == nil {
				runs, err = control.NewClient(remote).Runs(waiting, service.RunsRequest{Limit: 20})
			}
			ended <- err
		}()
		if c.limit == time.Hour {
			first := <-said
			if first.Phase != "waiting for the agent, which is starting (opening the state)" || !first.Notice {
				t.Errorf("%s: the command is told %+v", name, first)
			}
			must(t, a.Open(t.Context()))
			end(c.fails)
		}
		err = <-ended
		var failed *control.Error
		switch {
		case c.says == "" && (err != nil || runs == nil):
			t.Errorf("%s: %v, %v", name, runs, err)
		case c.says != "" && (!errors.As(err, &failed) || failed.Exit != exit.Failed || !strings.Contains(failed.Message, c.says)):
			t.Errorf("%s: %v", name, err)
		}
		stop()
		must(t, <-served)
		a.Close()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
