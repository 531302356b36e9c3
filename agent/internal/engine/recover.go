package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// recover looks what became of writes whose outcome was never recorded,
// because the agent was killed or the DC did not answer. It looks on the DC
// that the intent names; on another one an object that is not there may only
// not have been replicated yet.
//
// What cannot be settled concerns one user, who is left alone and reported
// until it can; everybody else goes on.
func (e *Engine) recover(ctx context.Context, r *run) error {
	intents, err := e.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	for i := range intents {
		in := &intents[i]
		switch {
		case in.Automation == r.Automation:
			err = e.settleIntent(ctx, r, in)
		case in.Application == r.automation.Settings.Application:
			err = e.avoid(ctx, r, in)
		}
		if err != nil && endsRun(ctx, err) {
			return fmt.Errorf("find out what became of %s of %s in run %d: %w", what(in), in.Name, in.Run, err)
		}
		if err != nil {
			item := asItem(in, err)
			r.setAside(item)
			var unrecorded *unrecordedError
			var taken *store.LinkTakenError
			if errors.As(err, &unrecorded) && !errors.As(err, &taken) { // another link is for a person to settle
				r.tally.crashed(item)
			}
		}
	}
	return nil
}

// endsRun tells what concerns every user, and so ends a run, from what concerns
// one: an outage of the directory, a lost lease, a damaged state, a stop.
func endsRun(ctx context.Context, err error) bool {
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

// unsettledError is why it cannot be found out what became of a write.
type unsettledError struct{ cause, next string }

func (e *unsettledError) Error() string { return e.cause }

// unrecordedError is why a write that was carried out cannot be recorded.
type unrecordedError struct{ error }

func (e *unrecordedError) Unwrap() error { return e.error }

// what names the operation of an intent, which nobody knows when it cannot be
// read.
func what(in *store.Intent) ident.Class { return cmp.Or(in.Operation.Class, "an operation") }

// asItem is what a person has to know about a write that cannot be settled.
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
		item.Next = fmt.Sprintf("if the other link is wrong, remove it: %s; otherwise clear the anchor of this account", ident.Command("link remove", taken.Holder.Application, string(taken.Holder.Key)))
	}
	return item
}

// settleIntent finds out what became of one write and records it.
func (e *Engine) settleIntent(ctx context.Context, r *run, in *store.Intent) error {
	if in.Unreadable != nil {
		return &unsettledError{
			fmt.Sprintf("what it was about to do cannot be read: %v", in.Unreadable),
			"run it once with the rollcall that wrote it, or restore a backup of the state",
		}
	}
	guid, done, err := e.cameTrue(ctx, r, in)
	if err != nil {
		return err
	}
	switch {
	case done:
		if err = e.recordRecovered(ctx, r, *in, guid); err != nil {
			err = &unrecordedError{err}
		}
	case in.Server != r.client.Server().URL && e.serves(in.Server):
		return &unsettledError{
			fmt.Sprintf("only %s knows, and it cannot be reached", in.Server),
			"bring that domain controller back; when it is gone for good, take it out of urls in [directory], then what the others show counts",
		}
	default:
		err = e.Store.CloseIntent(ctx, r.lease, in.ID)
	}
	if err != nil {
		return err
	}
	e.Log.Info("a write that was cut off is settled", "automation", r.Automation, "run", in.Run,
		"operation", in.Operation.Class, "dn", in.DN, "was_carried_out", done)
	return nil
}

// serves reports whether a domain controller is one that the agent may still
// come back to.
func (e *Engine) serves(server string) bool {
	return len(e.Servers) == 0 || slices.Contains(e.Servers, server)
}

// avoid leaves a user alone about whom another automation of the application
// has a write under way. When its run has ended, a person must know: perhaps
// that automation does not run by itself. What one left that is no longer
// configured is settled here, since it cannot run any more.
func (e *Engine) avoid(ctx context.Context, r *run, in *store.Intent) error {
	writer, found, err := e.Store.RunByID(ctx, in.Run)
	if err != nil {
		return err
	}
	if found && writer.Result == store.RunRunning {
		r.block(in.Key)
		return nil
	}
	if !e.configured.Load().has(in.Automation) {
		return e.settleIntent(ctx, r, in)
	}
	return &unsettledError{
		fmt.Sprintf("that is for automation %s to find out", in.Automation),
		fmt.Sprintf("let it run: rollcall apply %s", in.Automation),
	}
}

// leaveUnsettled takes out of a dry run the users of whom it is not known yet
// whether a write was carried out: the next run finds that out before it plans.
func (e *Engine) leaveUnsettled(ctx context.Context, a Automation, p *ident.Plan) error {
	intents, err := e.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	for i := range intents {
		in := &intents[i]
		if in.Application != a.Settings.Application {
			continue
		}
		p.Changes = slices.DeleteFunc(p.Changes, func(c ident.Change) bool { return c.Key == in.Key })
		p.Notes = append(p.Notes, ident.Note{
			Key: in.Key, Name: in.Name,
			Text: fmt.Sprintf("left out: whether %s of run %d was carried out is not known yet; the next run finds out first", what(in), in.Run),
		})
	}
	return nil
}

// recordRecovered finishes what the killed run could not: outcome and link, as
// part of the run that made the write.
func (e *Engine) recordRecovered(ctx context.Context, r *run, in store.Intent, guid ident.GUID) error {
	link := *in.Link
	link.GUID = guid
	o := ident.Outcome{
		Run: in.Run, Key: in.Key, GUID: guid, DN: in.DN, Name: in.Name, Operation: in.Operation,
		Result: ident.ResultApplied, Cause: "carried out before the run was cut off; found by run " + strconv.FormatInt(r.ID, 10), At: e.Now(),
	}
	if in.HeldID != 0 {
		o.Approved = in.By
	}
	c := store.Commit{
		Outcome: o, Automation: in.Automation, Application: in.Application, By: in.By,
		HeldID: in.HeldID, Intent: in.ID, Link: &link,
	}
	err := e.Store.Commit(ctx, r.lease, c)
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
	return e.Store.Commit(ctx, r.lease, c)
}

// cameTrue tells whether the directory shows the effect of an intent. When only
// the first half of it is there, the intent is cut down to that: the next plan
// makes the rest.
func (e *Engine) cameTrue(ctx context.Context, r *run, in *store.Intent) (ident.GUID, bool, error) {
	if operation.MakesAccount(in.Operation.Class) {
		return e.created(ctx, r, *in)
	}
	if !operation.Known(in.Operation.Class) {
		return "", false, &unsettledError{
			fmt.Sprintf("this version of rollcall does not know the operation %q", in.Operation.Class),
			"run it once with the newer rollcall that wrote it",
		}
	}
	attributes := []string{"userAccountControl", "memberOf", "primaryGroupID", "objectSid", "cn", e.Rules.Anchor}
	for _, a := range in.Operation.Attributes {
		attributes = append(attributes, a.Name)
	}
	entry, err := r.client.Get(ctx, conn.ByGUID(in.GUID), attributes)
	if errors.Is(err, conn.ErrNotFound) {
		return in.GUID, false, nil
	}
	if err != nil {
		return in.GUID, false, err
	}
	if entry.Attributes.First("userAccountControl") == "" {
		return in.GUID, false, &unsettledError{
			fmt.Sprintf("userAccountControl of %s cannot be read", entry.DN),
			"give the bind account the right to read that account: rollcall validate --online",
		}
	}
	if err := addPrimaryGroup(ctx, r, entry); err != nil {
		return in.GUID, false, err
	}
	if operation.Holds(entry, in.Operation) {
		return in.GUID, true, nil
	}
	first, halved := operation.FirstHalf(in.Operation)
	if !halved || !operation.Holds(entry, first) {
		return in.GUID, false, nil
	}
	link, ok, err := e.Store.LinkByKey(ctx, in.Application, in.Key)
	if err != nil || !ok {
		return in.GUID, false, err
	}
	link = operation.Remember(link, first, in.Created)
	in.Operation, in.Link = first, &link
	return in.GUID, true, nil
}

// created finds the account of an interrupted create by its anchor.
func (e *Engine) created(ctx context.Context, r *run, in store.Intent) (ident.GUID, bool, error) {
	found, err := r.writer.FindAnchor(ctx, in.Anchor)
	if err != nil {
		return "", false, err
	}
	if len(found) > 1 {
		return "", false, &unsettledError{
			fmt.Sprintf("%d accounts carry the anchor %s: %s", len(found), in.Anchor, dns(found)),
			fmt.Sprintf("clear %s on those that do not belong to this person; the next run links the one that is left", e.Rules.Anchor),
		}
	}
	if len(found) == 0 {
		return "", false, nil
	}
	return found[0].GUID, true, nil
}

func dns(entries []ident.Entry) string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = string(e.DN)
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
