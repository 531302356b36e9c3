package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// recover looks what became of writes whose outcome was never recorded,
// because the agent was killed or the DC did not answer. It looks on the DC
// that the intent names; on another one an object that is not there may only
// not have been replicated yet, so that its user is left alone until then.
func (e *Engine) recover(ctx context.Context, r *run) error {
	intents, err := e.Store.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read the open intents: %w", err)
	}
	for _, in := range intents {
		if in.Automation != r.Automation {
			continue
		}
		guid, done, err := e.cameTrue(ctx, r, &in)
		if err != nil {
			return fmt.Errorf("find out what became of %s of %s in run %d: %w", in.Operation.Class, in.Name, in.Run, err)
		}
		switch {
		case done:
			err = e.recordRecovered(ctx, r, in, guid)
		case in.Server != r.client.Server().URL:
			r.block(in.Key, fmt.Sprintf("whether %s of run %d was carried out is known only to %s, which cannot be reached", in.Operation.Class, in.Run, in.Server))
			continue
		default:
			err = e.Store.CloseIntent(ctx, r.lease, in.ID)
		}
		if err != nil {
			return fmt.Errorf("settle %s of %s in run %d: %w", in.Operation.Class, in.Name, in.Run, err)
		}
		e.Log.Info("a write that was cut off is settled", "automation", r.Automation, "run", in.Run,
			"operation", in.Operation.Class, "dn", in.DN, "was_carried_out", done)
	}
	return nil
}

// block leaves a user alone for this run.
func (r *run) block(key ident.Key, why string) {
	if r.blocked == nil {
		r.blocked = map[ident.Key]string{}
	}
	r.blocked[key] = why
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
	var decided *store.ErrNotHeld
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
	if in.Operation.Class == ident.ClassCreate {
		return e.created(ctx, r, *in)
	}
	attributes := []string{"userAccountControl", "memberOf", "cn", e.Rules.Anchor}
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
	if holds(entry, in.Operation) {
		return in.GUID, true, nil
	}
	first := withoutMove(in.Operation)
	if (first.Class != ident.ClassDisable && first.Class != ident.ClassEnable) || !holds(entry, first) {
		return in.GUID, false, nil
	}
	link, ok, err := e.Store.LinkByKey(ctx, in.Application, in.Key)
	if err != nil || !ok {
		return in.GUID, false, err
	}
	link = plan.Remember(link, first, in.Created)
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
		return "", false, fmt.Errorf("%d objects carry the anchor %s: %s; next: leave it on the right one only", len(found), in.Anchor, dns(found))
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
	return strings.Join(list, "; ")
}

// accountDisable is the bit of userAccountControl (MS-ADTS section 2.2.16).
const accountDisable = 0x2

func isDisabled(entry ident.Entry) bool {
	uac, _ := strconv.ParseInt(entry.Attributes.First("userAccountControl"), 10, 64)
	return uac&accountDisable != 0
}

// holds reports whether an object is as the operation leaves it.
func holds(entry ident.Entry, op ident.Operation) bool {
	disabled := isDisabled(entry)
	placed := op.To == "" || entry.DN.EqualFold(op.To)
	switch op.Class {
	case ident.ClassDisable:
		return disabled && placed
	case ident.ClassEnable:
		return !disabled && placed
	case ident.ClassRename, ident.ClassMove:
		return placed
	case ident.ClassGroups:
		return memberOfAll(entry, op.Groups)
	case ident.ClassUpdate, ident.ClassAdopt, ident.ClassLink:
		return valuesHold(entry, op.Attributes)
	case ident.ClassCreate, ident.ClassDelete:
	}
	return false
}

func memberOfAll(entry ident.Entry, groups []ident.DN) bool {
	for _, g := range groups {
		if !slices.ContainsFunc(entry.Attributes.Values("memberOf"), func(dn string) bool { return g.EqualFold(ident.DN(dn)) }) {
			return false
		}
	}
	return true
}

func valuesHold(entry ident.Entry, changes []ident.AttributeChange) bool {
	for _, c := range changes {
		have := entry.Attributes.Values(c.Name)
		for _, want := range c.New {
			if !slices.Contains(have, want) {
				return false
			}
		}
		if !c.Add && len(have) != len(c.New) {
			return false
		}
	}
	return true
}
