package runtime

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
)

// A panic while old history is removed is logged once; the agent goes on.
func TestAPanicInRetention(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var log strings.Builder
	a := agentWith(&config.Config{Store: config.Store{KeepRuns: 1}}, slog.NewTextHandler(&log, nil)) // without a store
	a.retainDaily(ctx)
	if text := log.String(); strings.Count(text, "internal error") != 1 || !strings.Contains(text, "retention.go") {
		t.Errorf("logged %s", text)
	}
}
