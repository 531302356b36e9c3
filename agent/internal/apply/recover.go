package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Recover finds out what became of writes without a recorded outcome: the agent
// was killed, or the domain controller did not answer. It asks the domain
// controller that the intent names. Another one may lack an object only because
// replication has not brought it yet.
//
// A write that cannot be settled concerns one user. That user is left alone and
// reported until it can; everybody else goes on.
func (j *Job) Recover(ctx context.Context) error {
	intents, err := j.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	for i := range intents {
		in := &intents[i]
		switch {
		case in.Automation == j.Automation:
			err = j.settleIntent(ctx, in)
		case in.Application == j.Application:
			err = j.avoid(ctx, in)
		}
		if err != nil && ends(ctx, err) {
			return fmt.Errorf("find out what became of %s of %s in run %d: %w", what(in), in.Name, in.Run, err)
		}
		if err != nil {
			item := asItem(in, err)
			var unrecorded *unrecordedError
			var taken *store.LinkTakenError
			// Another link is for a person to settle.
			j.setAside(item, errors.As(err, &unrecorded) && !errors.As(err, &taken))
		}
	}
	return nil
}

// ends reports whether an error ends the run because it concerns every user: an
// outage of the directory, a lost lease, a damaged state, a stop.
func ends(ctx context.Context, err error) bool {
	var fenced *store.FencedError
	var damaged *store.DamagedError
	var answer *conn.Error
	switch {
	case ctx.Err() != nil, errors.As(err, &fenced), errors.As(err, &damaged), errors.Is(err, conn.ErrUnavailable):
		return true
	case errors.As(err, &answer):
		return answer.Op == "connect" || answer.Op == "bind"
	}
	return false
}

// unsettledError says why nobody can find out yet what became of a write.
type unsettledError struct{ cause, next string }

func (e *unsettledError) Error() string { return e.cause }

// unrecordedError says why a write was carried out and cannot be recorded.
type unrecordedError struct{ error }

func (e *unrecordedError) Unwrap() error { return e.error }

// what names the operation of an intent, also of one that cannot be read.
func what(in *store.Intent) ident.Class { return cmp.Or(in.Operation.Class, "an operation") }

// asItem tells a person about a write that cannot be settled.
func asItem(in *store.Intent, err error) ident.QuarantineItem {
	item := ident.QuarantineItem{
		Key: in.Key, Name: in.Name,
		Cause: fmt.Sprintf("it cannot be found out whether %s of run %d was carried out: %v", what(in), in.Run, err),
		Next:  "put right what the cause names; the next run looks again",
	}
	var unrecorded *unrecordedError
	if errors.As(err, &unrecorded) {
		item.Cause = fmt.Sprintf("%s of run %d was carried out and cannot be recorded: %v", in.Operation.Class, in.Run, err)
	}
	var known *unsettledError
	var taken *store.LinkTakenError
	switch {
	case errors.As(err, &known):
		item.Next = known.next
	case errors.As(err, &taken):
		item.Next = fmt.Sprintf("if the other link is wrong, remove it: %s; otherwise clear the anchor of this account",
			ident.Command("link remove", taken.Holder.Application, string(taken.Holder.Key)))
	}
	return item
}

// settleIntent finds out what became of one write and records it.
func (j *Job) settleIntent(ctx context.Context, in *store.Intent) error {
	if in.Unreadable != nil {
		return &unsettledError{
			fmt.Sprintf("what it was about to do cannot be read: %v", in.Unreadable),
			"run it once with the rollcall that wrote it, or restore a backup of the state",
		}
	}
	guid, done, err := j.cameTrue(ctx, in)
	if err != nil {
		return err
	}
	switch {
	case done:
		if err = j.recordRecovered(ctx, *in, guid); err != nil {
			err = &unrecordedError{err}
		}
	case in.Server != j.Directory.Server().URL && j.serves(in.Server):
		return &unsettledError{
			fmt.Sprintf("only %s knows, and it cannot be reached", in.Server),
			"bring that domain controller back; when it is gone for good, take it out of urls in [directory], then what the others show counts",
		}
	default:
		err = j.Store.CloseIntent(ctx, j.Lease, in.ID)
	}
	if err != nil {
		return err
	}
	j.Log.Info("a write that was cut off is settled", "automation", j.Automation, "run", in.Run,
		"operation", in.Operation.Class, "dn", in.DN, "was_carried_out", done)
	return nil
}

// serves reports whether the agent may still come back to a domain controller.
func (j *Job) serves(server string) bool {
	return len(j.Servers) == 0 || slices.Contains(j.Servers, server)
}

// avoid leaves a user alone because another automation of the application has a
// write under way. Once the run of that automation has ended, a person must know
// of it: perhaps it does not run by itself. The writes of an automation that is
// no longer configured are settled here, since it cannot run any more.
func (j *Job) avoid(ctx context.Context, in *store.Intent) error {
	writer, found, err := j.Store.RunByID(ctx, in.Run)
	if err != nil {
		return err
	}
	if found && writer.Result == store.RunRunning {
		j.block(in.Key)
		return nil
	}
	if !j.Configured(in.Automation) {
		return j.settleIntent(ctx, in)
	}
	return &unsettledError{
		fmt.Sprintf("that is for automation %s to find out", in.Automation),
		fmt.Sprintf("let it run: rollcall apply %s", in.Automation),
	}
}

// recordRecovered finishes what the killed run could not: outcome and link, as
// part of the run that made the write.
func (j *Job) recordRecovered(ctx context.Context, in store.Intent, guid ident.GUID) error {
	link := *in.Link
	link.GUID = guid
	o := ident.Outcome{
		Run: in.Run, Key: in.Key, GUID: guid, DN: in.DN, Name: in.Name, Operation: in.Operation,
		Result: ident.ResultApplied, Cause: "carried out before the run was cut off; found by run " + strconv.FormatInt(j.Run, 10), At: j.Now(),
	}
	if in.HeldID != 0 {
		o.Approved = in.By
	}
	c := store.Commit{
		Outcome: o, Automation: in.Automation, Application: in.Application, By: in.By,
		HeldID: in.HeldID, Intent: in.ID, Link: &link,
	}
	err := j.Store.Commit(ctx, j.Lease, c)
	var decided *store.NotHeldError
	if !errors.As(err, &decided) {
		return err
	}
	// An older rollcall let a person reject what was being carried out. What
	// happened is recorded beside that decision.
	c.HeldID = 0
	if decided.Result != "" {
		c.Outcome.Cause += fmt.Sprintf("; meanwhile operation %d was %s", decided.ID, decided.Result)
	}
	if decided.Result == ident.ResultRejected {
		c.Outcome.Next = "undo it by hand if the rejection is to count"
	}
	return j.Store.Commit(ctx, j.Lease, c)
}

// Unsettled lists, as notes, the users of an application that a dry run must
// leave out: whether a write was carried out for them is not known yet. The next
// run finds out before it plans.
func Unsettled(ctx context.Context, journal Journal, application string) ([]ident.Note, error) {
	intents, err := journal.Intents(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the open intents: %w", err)
	}
	var notes []ident.Note
	for i := range intents {
		if in := &intents[i]; in.Application == application {
			notes = append(notes, ident.Note{
				Key: in.Key, Name: in.Name,
				Text: fmt.Sprintf("left out: whether %s of run %d was carried out is not known yet; the next run finds out first", what(in), in.Run),
			})
		}
	}
	return notes, nil
}

// PreferredServer returns the domain controller of the last open write, since it
// knows what became of that; "" when none is open.
func PreferredServer(ctx context.Context, journal Journal) (string, error) {
	intents, err := journal.Intents(ctx)
	if err != nil {
		return "", fmt.Errorf("read the open intents: %w", err)
	}
	if len(intents) == 0 {
		return "", nil
	}
	return intents[len(intents)-1].Server, nil
}
