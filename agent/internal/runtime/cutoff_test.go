package runtime

import (
	"log/slog"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// A run whose process is gone is not shown as running by whoever has the lock
// now, whatever command that is.
func TestRunOfADeadProcessIsNotRunning(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s, err := store.Open(ctx, dir)
	must(t, err)
	lease, err := s.AcquireLease(ctx, "staff", "somebody", time.Hour)
	must(t, err)
	_, err = s.StartRun(ctx, lease, store.Run{Automation: "staff", Kind: store.KindManual, By: "ada"})
	must(t, err)
	must(t, s.Close())

	a := agentWith(&config.Config{Store: config.Store{StagingMiB: 1}}, slog.DiscardHandler)
	a.stateDir = dir
	must(t, a.openStore(ctx))
	defer func() { _ = a.store.Close() }()
	runs, err := a.store.Runs(ctx, 10)
	must(t, err)
	if len(runs) != 1 || runs[0].Result != store.RunInterrupted || runs[0].Ended.IsZero() {
		t.Errorf("the history: %+v", runs)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
