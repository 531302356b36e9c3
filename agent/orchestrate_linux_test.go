package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
)

// TestAPersonIsAskedBeforeOrchestrationsBegin: somebody sees for whom, and decides.
func TestAPersonIsAskedBeforeOrchestrationsBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 25, "[automations.staff]", strings.Replace(asking, `delay = "1s"`, `delay = "10d"`, 1))
	w.apply(0)
	const prompt = "Begin it for 20 objects, and let 5 wait for approval? [y/N] "
	args := []string{"orchestrate", "ask", "--where", "links.pipedrive != null"}
	said, code := dialogue(t, w, [][2]string{{prompt, "\n"}}, args...)
	if code != 0 || !strings.Contains(said, "... and 15 more.") || !strings.Contains(said, "Nothing has begun.") {
		t.Errorf("%d: %s", code, said)
	}
	said, code = dialogue(t, w, [][2]string{{prompt, "y\n"}}, args...)
	if code != exit.Held || !strings.Contains(said, "it began for 20, 5 held for approval.") || !strings.Contains(said, "`rollcall approve 2`") {
		t.Errorf("%d: %s", code, said)
	}
	said, code = dialogue(t, w, nil, args...)
	if code != 0 || !strings.Contains(said, "25 under way already") || strings.Contains(said, "[y/N]") {
		t.Errorf("%d: %s", code, said)
	}
}
