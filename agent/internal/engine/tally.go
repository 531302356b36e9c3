package engine

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// tally counts what the result of a run depends on.
type tally struct {
	mu          sync.Mutex
	written     int
	failed      int
	first       string // the first failure, with its cause
	held        int
	waiting     []HeldBy // what earlier runs hold
	quarantined int
}

// add counts an outcome. Restoring a link by its anchor does not count as a
// write.
func (t *tally) add(o ident.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch o.Result {
	case ident.ResultApplied:
		if operation.Writes(o.Operation) {
			t.written++
		}
	case ident.ResultHeld, ident.ResultRefused:
		t.held++
	case ident.ResultFailed:
		t.fails(fmt.Sprintf("%s of %s (key %s): %s", o.Operation.Class, o.Name, o.Key, withNext(o.Cause, o.Next)))
	case ident.ResultSkipped:
		if !o.DoneAlready() {
			t.quarantined++
		}
	case ident.ResultRejected, ident.ResultDropped:
	}
}

// wait counts an operation that an earlier run holds.
func (t *tally) wait(h store.Held) {
	for i, w := range t.waiting {
		if w.Run == h.Run && w.Class == h.Operation.Class {
			t.waiting[i].Count++
			return
		}
	}
	t.waiting = append(t.waiting, HeldBy{Run: h.Run, Class: h.Operation.Class, Count: 1})
}

// crashed counts an operation that an internal error of rollcall ended.
func (t *tally) crashed(item ident.QuarantineItem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fails(fmt.Sprintf("%s (key %s): %s", item.Name, item.Key, withNext(item.Cause, item.Next)))
}

func (t *tally) fails(what string) {
	if t.failed++; t.failed == 1 {
		t.first = what
	}
}

func withNext(cause, next string) string {
	if next == "" {
		return cause
	}
	return cause + "; next: " + next
}

// result returns how a run ended and, if it is not a success, why. A value
// that the directory refused earlier counts as failed until it is tried again:
// until then nothing is better than in the run that tried it.
func (t *tally) result(p ident.Plan, failure error, stopped bool) (store.RunResult, string) {
	switch {
	case failure != nil && stopped:
		return store.RunInterrupted, failure.Error()
	case failure != nil:
		return store.RunFailed, failure.Error()
	case t.failed+p.Refused > 0 && t.written == 0:
		return store.RunFailed, joined(t.failures(p.Refused), doubt(p))
	case t.failed+p.Refused > 0:
		return store.RunPartial, joined(t.failures(p.Refused), doubt(p))
	case p.Doubt != "":
		return store.RunDoubtful, doubt(p)
	case t.held > 0 || len(t.waiting) > 0:
		return store.RunHeld, ""
	case t.quarantined > 0:
		return store.RunQuarantined, ""
	}
	return store.RunOK, ""
}

// besides lists the other results that apply to a run and that a worse one
// hides. A refusal, for example, may last for months and must not hide that
// leavers wait for approval.
func (t *tally) besides(p ident.Plan, result store.RunResult) []store.RunResult {
	var all []store.RunResult
	for _, one := range []struct {
		is     bool
		result store.RunResult
	}{
		{p.Doubt != "", store.RunDoubtful},
		{t.held > 0 || len(t.waiting) > 0, store.RunHeld},
		{t.quarantined > 0, store.RunQuarantined},
	} {
		if one.is && one.result != result {
			all = append(all, one.result)
		}
	}
	return all
}

// doubt says why a delivery is in doubt, and what to do next.
func doubt(p ident.Plan) string {
	if p.Doubt == "" {
		return ""
	}
	return fmt.Sprintf("the delivery is in doubt: %s; next: look at the records in %s and at what the credentials may see: "+
		"rollcall validate --online", p.Doubt, p.Application)
}

func joined(first, second string) string {
	if second == "" {
		return first
	}
	return first + "; besides, " + second
}

// LevelOf returns the log level for a result.
func LevelOf(result store.RunResult) slog.Level {
	switch result {
	case store.RunFailed, store.RunPartial:
		return slog.LevelError
	case store.RunDoubtful, store.RunHeld, store.RunQuarantined, store.RunInterrupted:
		return slog.LevelWarn
	case store.RunOK, store.RunRunning:
	}
	return slog.LevelInfo
}

// failures says how many writes failed, and describes the first failure.
func (t *tally) failures(before int) string {
	tried := fmt.Sprintf("%d of %d writes failed", t.failed, t.failed+t.written)
	if t.failed+t.written == 1 {
		tried = "the only write failed"
	}
	waits := fmt.Sprintf("%d writes that the directory refused before wait to be tried again", before)
	if before == 1 {
		waits = "1 write that the directory refused before waits to be tried again"
	}
	waits += ": `rollcall quarantine list` says why and until when"
	switch {
	case t.failed == 0 && t.written == 0:
		return "nothing was written: " + waits
	case t.failed == 0:
		return waits
	case before == 0:
		return tried + "; the first: " + t.first
	}
	return tried + "; the first: " + t.first + "; besides, " + waits
}
