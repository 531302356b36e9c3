package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// TestAllKeysAreNew has a source give everybody another id: nobody gets a
// second account, and nobody is disabled, run after run, until somebody
// approves. With missing.action = keep it is the same.
func TestAllKeysAreNew(t *testing.T) {
	for app, missing := range map[string]plan.MissingAction{"rekeyed": plan.MissingDisable, "rekeyedkeep": plan.MissingKeep} {
		t.Run(app, func(t *testing.T) {
			source := &feed{}
			s := newScene(t, map[string]*feed{app: source})
			a := s.Automations[app]
			a.Settings.SourceShrink, a.Settings.Missing = plan.DefaultSourceShrink(), plan.Missing{Action: missing}
			s.Replace(map[string]Automation{app: a}, nil)
			people := func(prefix string, n int) (list []ident.Record) {
				for i := range n {
					list = append(list, person(ident.Key(fmt.Sprintf("%s%d", prefix, i)), fmt.Sprintf("Person %s %d", app, i)))
				}
				return list
			}
			source.records = people("", 5)
			s.run(app)
			source.records = people("0", 8)
			first := s.run(app)
			if first.Count(ident.ResultApplied) != 0 || first.Counts[ident.ClassCreate][ident.ResultHeld] != 8 {
				t.Fatalf("with new keys: %+v", first.Counts)
			}
			if cause := first.Outcomes[0].Cause; !strings.Contains(cause, "5 of 5 linked keys are not among those delivered") {
				t.Errorf("the cause is %q", cause)
			}
			if again := s.run(app); again.Count(ident.ResultApplied) != 0 {
				t.Errorf("a run later: %+v", again.Counts)
			}
			source.records = people("", 5)
			if back := s.run(app); len(back.Counts) != 0 || back.Waiting != 0 {
				t.Errorf("with the old keys again: %+v", back.Counts)
			}
		})
	}
}
