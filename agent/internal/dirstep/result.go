package dirstep

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// described says what the operations do to the object at dn.
func described(ops []ident.Operation, dn ident.DN) string {
	list := make([]string, len(ops))
	for i, op := range ops {
		var lines []string
		for _, l := range operation.Read(op, dn) {
			if l.Text != string(dn) {
				lines = append(lines, l.Text)
			}
		}
		list[i] = string(op.Class)
		if len(lines) > 0 {
			list[i] += " " + strings.Join(lines, "; ")
		}
	}
	return strings.Join(list, "; ") + " of " + string(dn)
}

// conclude says what the outcomes mean for the step. An operation whose old values
// no longer held is tried anew with those of then; what the directory or our own
// rules refuse would be refused again.
func (s *step) conclude() {
	var done, anew, refused []string
	for _, o := range s.recorded {
		class := string(o.Operation.Class)
		switch o.Result {
		case ident.ResultApplied:
			done = append(done, class)
		case ident.ResultSkipped:
			anew = append(anew, fmt.Sprintf("%s was not made: %s", class, o.Cause))
		default:
			text := fmt.Sprintf("%s failed: %s", class, o.Cause)
			if o.Next != "" {
				text += "; next: " + o.Next
			}
			refused = append(refused, text)
		}
	}
	if len(done) > 0 {
		s.done.Answer = fmt.Sprintf("applied: %s (run %d)", strings.Join(done, ", "), s.Instance.Run)
	}
	switch {
	case s.crashed:
		item := s.told[len(s.told)-1]
		s.done.Result = orchestration.Result{Error: item.Cause, Retry: true, Unsure: true}
	case len(refused) > 0:
		s.done.Result = orchestration.Result{Error: strings.Join(append(refused, anew...), "; ")}
	case len(anew) > 0:
		s.done.Result = orchestration.Result{Error: strings.Join(anew, "; "), Retry: true}
	}
}
