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

// Recover finds out what became of writes without a recorded outcome: the
// agent was killed, or the domain controller did not answer. It asks the
// domain controller that the intent names, since an object may be absent from
// another only because it has not been replicated yet.
//
// A write whose result cannot be determined concerns one user. That user is
// left alone and reported until it can; everybody else goes on.
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
		case in.Space() == j.Space():
			err = j.avoid(ctx, in)
		}
		if err != nil && Ends(ctx, err) {
			return fmt.Errorf("find out what became of %s of %s in run %d: %w", what(in), in.Name, in.Run, err)
		}
		if err != nil {
			item := asItem(in, err)
			var unrecorded *unrecordedError
			var taken *store.LinkTakenError
			// Only a person can decide which of two links is right.
			j.setAside(item, errors.As(err, &unrecorded) && !errors.As(err, &taken))
		}
	}
	return nil
}

// RecoverObject finds out what became of writes of directory steps to one object
// without a recorded outcome, as Recover does for runs. No such write is under way
// meanwhile. An error says that it cannot be found out yet.
func (j *Job) RecoverObject(ctx context.Context, guid ident.GUID) error {
	defer j.Objects.Lock(guid)()
	intents, err := j.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	for i := range intents {
		in := &intents[i]
		if in.Application != "" || in.GUID != guid {
			continue
		}
		if err := j.settleIntent(ctx, in); err != nil {
			return &InDoubtError{Class: what(in), Name: in.Name, Err: err}
		}
	}
	return nil
}

// InDoubtError says that it cannot be found out yet whether a write was made.
type InDoubtError struct {
	Class ident.Class
	Name  string
	Err   error
}

// Error names the write, the reason, and what to do.
func (e *InDoubtError) Error() string {
	text := fmt.Sprintf("it cannot be found out yet whether %s of %s was carried out: %v", e.Class, e.Name, e.Err)
	var known *unsettledError
	if errors.As(e.Err, &known) {
		text += "; next: " + known.next
	}
	return text
}

// Unwrap returns the reason.
func (e *InDoubtError) Unwrap() error { return e.Err }

// Ends reports whether an error ends the run because it concerns every user: an
// outage of the directory, a lost lease, a damaged state, a stop.
func Ends(ctx context.Context, err error) bool {
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

// unsettledError says why the result of a write cannot be determined yet.
type unsettledError struct{ cause, next string }

func (e *unsettledError) Error() string { return e.cause }

// unrecordedError says why a write that was carried out cannot be recorded.
type unrecordedError struct{ error }

func (e *unrecordedError) Unwrap() error { return e.error }

// what names the operation of an intent, even of an unreadable one.
func what(in *store.Intent) ident.Class { return cmp.Or(in.Operation.Class, "an operation") }

// asItem returns the quarantine item for a write whose result cannot be
// determined.
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
			ident.Command("link remove", taken.Holder.Space().String(), string(taken.Holder.Key)))
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
	is, err := j.cameTrue(ctx, in)
	if err != nil {
		return err
	}
	switch {
	case is.done:
		if err = j.recordRecovered(ctx, *in, is.guid); err != nil {
			err = &unrecordedError{err}
		}
	case in.Server != j.Directory.Server().URL && j.serves(in.Server):
		return &unsettledError{
			fmt.Sprintf("only %s knows, and it cannot be reached", in.Server),
			"bring that domain controller back; when it is gone for good, take it out of urls in [directory], then what the others show counts",
		}
	default:
		err = j.Store.CloseIntent(ctx, j.Lease, in.ID, is.part)
	}
	if err != nil {
		return err
	}
	j.Log.Info("a write that was cut off is settled", "automation", in.Automation, "orchestration", in.Orchestration, "run", in.Run,
		"operation", in.Operation.Class, "dn", in.DN, "was_carried_out", is.done)
	return nil
}

// serves reports whether the agent may still connect to a domain controller.
func (j *Job) serves(server string) bool {
	return len(j.Servers) == 0 || slices.Contains(j.Servers, server)
}

// avoid leaves a user alone while another automation of the application has a
// write in progress for them. If the run of that automation has already ended,
// the user is reported too, because the automation may not run on a schedule.
// Writes of an automation that is no longer configured are settled here, since
// it cannot run any more.
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

// recordRecovered records what the killed run could not, the outcome and the
// link, as part of that run.
func (j *Job) recordRecovered(ctx context.Context, in store.Intent, guid ident.GUID) error {
	o := ident.Outcome{
		Run: in.Run, Key: in.Key, GUID: guid, DN: in.DN, Name: in.Name, Operation: in.Operation, Approved: in.Approved,
		Result: ident.ResultApplied, Cause: "carried out before the run was cut off; found by run " + strconv.FormatInt(j.Run, 10), At: j.Now(),
	}
	if in.HeldID != 0 {
		o.Approved = in.By
	}
	password, note, err := j.recoverPassword(ctx, in, guid)
	if err != nil {
		return err
	}
	o.Cause += note
	c := store.Commit{
		Outcome: o, Automation: in.Automation, Application: in.Application, Kind: in.Kind, By: in.By,
		HeldID: in.HeldID, Intent: in.ID, Start: j.follow(in.Automation, in.By, o, password),
	}
	if in.Orchestration != "" {
		c.Outcome.Cause = "carried out before the step was cut off; found out afterwards"
		c.Orchestrated = &store.Orchestrated{
			Orchestration: in.Orchestration, Instance: in.Instance, GUID: guid, DN: in.DN, Name: in.Name, Status: string(o.Result),
		}
	} else {
		link := *in.Link
		link.GUID = guid
		c.Link = &link
	}
	err = j.Store.Commit(ctx, j.Lease, c)
	var decided *store.NotHeldError
	if !errors.As(err, &decided) {
		return err
	}
	// An older rollcall let a person reject an operation in progress. What
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

// Unsettled returns a note for each user of a space that a dry run must
// leave out, because the result of a write for that user is not known yet. The
// next real run finds it out before it plans.
func Unsettled(ctx context.Context, journal Journal, space ident.Space) ([]ident.Note, error) {
	intents, err := journal.Intents(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the open intents: %w", err)
	}
	var notes []ident.Note
	for i := range intents {
		if in := &intents[i]; in.Space() == space {
			notes = append(notes, ident.Note{
				Key: in.Key, Name: in.Name,
				Text: fmt.Sprintf("left out: whether %s of run %d was carried out is not known yet; the next run finds out first", what(in), in.Run),
			})
		}
	}
	return notes, nil
}

// PreferredServer returns the domain controller of the last open write of a run,
// because it knows what became of that write. It returns "" if none is open. Writes
// of directory steps are not for runs to find out.
func PreferredServer(ctx context.Context, journal Journal) (string, error) {
	intents, err := journal.Intents(ctx)
	if err != nil {
		return "", fmt.Errorf("read the open intents: %w", err)
	}
	for i := range slices.Backward(intents) {
		if intents[i].Application != "" {
			return intents[i].Server, nil
		}
	}
	return "", nil
}
