// Package service answers questions to an agent, with one method for each. Its
// first argument after the context is the caller. Package control uses it to
// answer over the local socket, and so do commands that do the work themselves
// because no agent is running. It renders nothing and knows no wire format.
//
// Every method takes the caller, although only some are journalled, so that no
// transport can forget to say whose question it carries. An error that is the
// caller's own mistake is an *exit.UsageError.
package service

import (
	"errors"
	"iter"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Caller is the user who asks, for the journal: "root", "uid 1000",
// "DOMAIN\\name".
type Caller string

// Service answers for one agent.
type Service struct{ agent *runtime.Agent }

// New returns a Service for an agent. The agent may still be starting, but it
// must be open when it is asked.
func New(a *runtime.Agent) *Service { return &Service{a} }

// Nothing is the request of a question without details, and the answer if
// there is nothing to say.
type Nothing struct{}

// These types are shared with the packages below, because a copy of each would
// have to be kept equal field by field.
type (
	// OnDisk names the configuration that a question uses.
	OnDisk = runtime.OnDisk
	// Divergence says how that configuration differs from the agent's.
	Divergence = runtime.Divergence
	// Report is a run and what became of its operations.
	Report = engine.Report
	// Summary is a plan without its changes.
	Summary = engine.Summary
	// HeldBy counts operations of one class that a run holds.
	HeldBy = engine.HeldBy
	// Linked is both sides of a link by hand.
	Linked = engine.Linked
	// Run is a run of the history.
	Run = store.Run
	// RunResult is how a run ended.
	RunResult = store.RunResult
	// Account is how an object of the directory is known.
	Account = store.Account
	// Unlinked is a link that was removed, and what went with it.
	Unlinked = store.Unlinked
	// JournalState describes a journal whose chain is complete.
	JournalState = store.JournalState
)

// The results of a run.
const (
	RunRunning     = store.RunRunning
	RunOK          = store.RunOK
	RunPartial     = store.RunPartial
	RunFailed      = store.RunFailed
	RunHeld        = store.RunHeld
	RunDoubtful    = store.RunDoubtful
	RunQuarantined = store.RunQuarantined
	RunInterrupted = store.RunInterrupted
)

// KindEvents is the kind of a run that holds what changes in the directory would begin,
// or has what they led to.
const KindEvents = store.KindEvents

// LogRunEnded is the log message at the end of a run.
const LogRunEnded = engine.LogRunEnded

// mistaken marks errors that are the caller's mistake.
func mistaken(err error) error {
	var name *ident.UnknownNameError
	var run *engine.UnknownRunError
	var taken *store.LinkTakenError
	var none *store.NotLinkedError
	var reacts *engine.ReactsError
	if errors.As(err, &none) || errors.As(err, &reacts) || errors.As(err, &name) || errors.As(err, &run) || errors.As(err, &taken) ||
		errors.Is(err, engine.ErrNothingHeld) || errors.Is(err, engine.ErrPlanOutdated) ||
		errors.Is(err, engine.ErrCannotLink) || errors.Is(err, engine.ErrNothingToAccept) || notThere(err) {
		return exit.Mistake(err)
	}
	return err
}

// orEmpty returns an empty list for nil, so that JSON says [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// errEnough ends a list when the reader has stopped.
var errEnough = errors.New("nobody reads on")

// listed turns a function that passes its items to a callback into an
// iterator. An error comes last, without an item.
func listed[T any](hand func(each func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := hand(func(item T) error {
			if !yield(item, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			var none T
			yield(none, err)
		}
	}
}
