// Package service is what can be asked of an agent: one method for each thing,
// with who asks first. It is for whoever carries questions to an agent, such as
// package control over the local socket, or a command that does the work itself
// because no agent runs. It renders nothing and knows no wire.
//
// Every method takes the caller, also where only some of them are journalled:
// whoever carries a question must know whose it is. An error that is the
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

// Caller is who asks, for the journal: "root", "uid 1000", "DOMAIN\\name".
type Caller string

// Service answers for one agent.
type Service struct{ agent *runtime.Agent }

// New returns what answers for an agent. The agent may still be starting; it must
// be open when it is asked.
func New(a *runtime.Agent) *Service { return &Service{a} }

// Nothing is the request of a question that needs no more than its name, and the
// answer of one after which there is nothing to say.
type Nothing struct{}

// What is asked and answered in the words of the packages below is theirs: a
// copy of each of these types would have to be kept equal field by field.
type (
	// OnDisk names the configuration that a question is about.
	OnDisk = runtime.OnDisk
	// Divergence tells how that is another than the agent's.
	Divergence = runtime.Divergence
	// Report is a run and what became of its operations.
	Report = engine.Report
	// Summary is a plan without its changes.
	Summary = engine.Summary
	// HeldBy counts operations of one class that a run holds.
	HeldBy = engine.HeldBy
	// Linked tells both sides of a link by hand.
	Linked = engine.Linked
	// Run is a run of the history.
	Run = store.Run
	// RunResult is how a run ended.
	RunResult = store.RunResult
	// Account is what an object of the directory is known by.
	Account = store.Account
	// Unlinked is a link that was removed, and what went with it.
	Unlinked = store.Unlinked
	// JournalState is what a journal holds whose chain is whole.
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

// LogRunEnded is the line of the log about a run that is over.
const LogRunEnded = engine.LogRunEnded

// mistaken marks what the caller got wrong.
func mistaken(err error) error {
	var name *ident.UnknownNameError
	var run *engine.UnknownRunError
	var taken *store.LinkTakenError
	var none *store.NotLinkedError
	if errors.As(err, &none) || errors.As(err, &name) || errors.As(err, &run) || errors.As(err, &taken) ||
		errors.Is(err, engine.ErrNothingHeld) || errors.Is(err, engine.ErrPlanOutdated) ||
		errors.Is(err, engine.ErrCannotLink) || errors.Is(err, engine.ErrNothingToAccept) {
		return exit.Mistake(err)
	}
	return err
}

// orEmpty makes JSON say [] where there is nothing, not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// errEnough ends a list that nobody reads any further.
var errEnough = errors.New("nobody reads on")

// listed makes an iterator of what hands its items to a function. An error comes
// last, with no item.
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
