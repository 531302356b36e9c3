package main

import (
	"log/slog"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// openAgent opens an agent in the process of the test.
func openAgent(t *testing.T, cfg *config.Config, log slog.Handler) *runtime.Agent {
	t.Helper()
	a, err := runtime.Lock(t.Context(), cfg, runtime.Settings{Log: slog.New(log), Version: version})
	must(t, err)
	t.Cleanup(a.Close)
	must(t, a.Open(t.Context()))
	return a
}

// snapshotOf is what openAgent goes by.
func snapshotOf(t *testing.T, cfg *config.Config, log slog.Handler) *runtime.Snapshot {
	t.Helper()
	now, err := openAgent(t, cfg, log).Snapshot(t.Context())
	must(t, err)
	return now
}

func reference(t *testing.T, text string) config.SecretRef {
	t.Helper()
	ref, err := secrets.Parse(text)
	must(t, err)
	return config.SecretRef{Reference: ref, Pos: config.Pos{File: "agent.toml", Line: 7, Column: 3}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
