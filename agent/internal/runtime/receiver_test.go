package runtime

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/receiver"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// A run whose writes all failed is made again; one that waits for a person, or for
// its own time, is not.
func TestRunsThatAreMadeAgain(t *testing.T) {
	counted := func(of ident.Result) map[ident.Class]map[ident.Result]int {
		return map[ident.Class]map[ident.Result]int{ident.ClassUpdate: {of: 1}}
	}
	for name, c := range map[string]struct {
		report engine.Report
		again  bool
	}{
		"done":           {engine.Report{Run: store.Run{Result: store.RunOK}, Counts: counted(ident.ResultApplied)}, false},
		"held":           {engine.Report{Run: store.Run{Result: store.RunHeld}, Counts: counted(ident.ResultHeld)}, false},
		"limits":         {engine.Report{Run: store.Run{Result: store.RunHeld}, Counts: counted(ident.ResultRefused)}, false},
		"quarantine":     {engine.Report{Run: store.Run{Result: store.RunQuarantined}}, false},
		"all failed":     {engine.Report{Run: store.Run{Result: store.RunFailed, Error: "the directory is busy"}, Counts: counted(ident.ResultFailed)}, true},
		"crashed":        {engine.Report{Run: store.Run{Result: store.RunFailed, Error: "internal error"}}, true},
		"refused before": {engine.Report{Run: store.Run{Result: store.RunFailed}, Summary: engine.Summary{Refused: 1}}, false},
	} {
		err := untold(c.report)
		if (err != nil) != c.again || err != nil && !strings.Contains(err.Error(), c.report.Error) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := untold(engine.Report{Run: store.Run{ID: 7, Result: store.RunQuarantined}, Unread: map[ident.Key]string{"..": "the path is refused"}})
	var partly receiver.Partly
	if !errors.As(err, &partly) || !partly.Unread("..") || partly.Unread("1") || !strings.Contains(err.Error(), "the path is refused") {
		t.Error(err)
	}
}
