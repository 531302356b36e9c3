package runtime

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
)

// TestSeenByTheAgent: a file that the agent cannot read is told as that.
func TestSeenByTheAgent(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.toml")
	a := agentWith(&config.Config{}, slog.DiscardHandler)
	a.serving.Store(true)
	_, err := a.read(OnDisk{Config: missing})
	if err == nil || !strings.Contains(err.Error(), "The running agent reads the file itself, as the user ") {
		t.Errorf("the error is %v", err)
	}
	a.serving.Store(false)
	if _, err = a.read(OnDisk{Config: missing}); err == nil || strings.Contains(err.Error(), "running agent") {
		t.Errorf("without an agent the error is %v", err)
	}
}

// TestACheckLeavesLimitsAlone: what the file says of a rate counts from the
// next start, not while a check runs beside the agent's own calls.
func TestACheckLeavesLimitsAlone(t *testing.T) {
	apps := func(budget int) map[string]config.Application {
		return map[string]config.Application{"crm": {Name: "crm", DailyBudget: budget, BaseURL: fmt.Sprint("https://", budget)}}
	}
	running := &config.Config{Applications: apps(100)}
	file := &config.Config{Applications: apps(200)}
	file.Applications["new"] = config.Application{Name: "new", DailyBudget: 300}
	got := alongside(running, file).Applications
	if got["crm"].DailyBudget != 100 || got["crm"].BaseURL != "https://200" || got["new"].DailyBudget != 300 {
		t.Errorf("checked with %+v", got)
	}
}
