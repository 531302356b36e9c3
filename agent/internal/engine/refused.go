package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// refusals are what the directory has refused an automation.
type refusals map[refusedPart]ident.Refusal

type refusedPart struct {
	key  ident.Key
	part string
}

func (e *Engine) refusals(ctx context.Context, automation string) (refusals, error) {
	list, err := e.Store.Refusals(ctx, automation)
	if err != nil {
		return nil, fmt.Errorf("read what the directory refused: %w", err)
	}
	out := make(refusals, len(list))
	for _, r := range list {
		out[refusedPart{r.Key, r.Part}] = r
	}
	return out, nil
}

func (rs refusals) find(key ident.Key, part string) (ident.Refusal, bool) {
	r, ok := rs[refusedPart{key, part}]
	return r, ok
}

// without returns the refusals that are past.
func (rs refusals) without(still []ident.Refusal) []ident.Refusal {
	is := make(map[refusedPart]bool, len(still))
	for _, r := range still {
		is[refusedPart{r.Key, r.Part}] = true
	}
	var past []ident.Refusal
	for part, r := range rs {
		if !is[part] {
			past = append(past, r)
		}
	}
	return past
}

// refuse remembers what the directory did not take.
func (e *Engine) refuse(ctx context.Context, r *run, list ...ident.Refusal) error {
	for i := range list {
		before, _, err := e.Store.Refusal(ctx, r.Automation, list[i].Key, list[i].Part)
		if err != nil {
			return err
		}
		list[i] = list[i].Refused(before, e.Now())
	}
	return e.Store.Refuse(ctx, r.Automation, list)
}

// wholeRefusal is a failed operation of which nothing was carried out.
func wholeRefusal(o ident.Outcome, common string) ident.Refusal {
	item := failedItem(o, "", common)
	return ident.Refusal{
		Key: o.Key, Part: ident.RefusedOperation(o.Operation.Class), Digest: o.Operation.Digest,
		Cause: item.Cause, Shared: item.Shared, Next: item.Next,
	}
}

// partly records an update or a creation that was carried out without the
// attributes that the directory refused, as far as it took any.
func (e *Engine) partly(ctx context.Context, r *run, t task, link ident.Link, intent int64, w *write.Error) error {
	taken, refused := split(t.op, w.Refused)
	var commits []store.Commit
	if w.Done == t.op.Class {
		after := operation.Remember(link, taken, e.Now().UTC())
		after.GUID = t.change.GUID
		done := t
		done.op = taken
		c := e.commit(r, e.outcome(r, done, ident.ResultApplied))
		c.HeldID, c.Intent, c.Link = t.heldID, intent, &after
		commits = append(commits, c)
	}
	failed := t
	failed.op = refused
	o := e.outcome(r, failed, ident.ResultFailed)
	o.Code, o.Cause, o.Next = w.Code, causes(w.Refused), w.Next
	c := e.commit(r, o)
	if len(commits) == 0 {
		c.HeldID, c.Intent = t.heldID, intent
	}
	commits = append(commits, c)
	if err := e.Store.CommitAll(ctx, r.lease, commits); err != nil {
		return fmt.Errorf("record what became of %s of %s: %w", t.op.Class, t.change.Name, err)
	}
	for _, c := range commits {
		e.count(r, c.Outcome)
	}
	if w.Done == t.op.Class && !operation.GivesUp(refused) { // others may wait for what it was to give up
		r.turns.done(t)
	}
	e.logFailure(r, o)
	return e.refuse(ctx, r, e.attributeRefusals(r, o, w.Refused)...)
}

// attributeRefusals tells about each attribute, and returns what to remember of
// those for which the next run would find the same again.
func (e *Engine) attributeRefusals(r *run, o ident.Outcome, refused []write.Refusal) []ident.Refusal {
	var list []ident.Refusal
	for _, f := range refused {
		item := ident.QuarantineItem{
			Key: o.Key, Name: o.Name, Part: f.Attribute, Next: f.Err.Next,
			Cause:  fmt.Sprintf("%s: refused by the directory: %s", f.Attribute, f.Err.Cause),
			Shared: fmt.Sprintf("%s: refused by the directory: %s", f.Attribute, cmp.Or(f.Err.Common, f.Err.Cause)),
		}
		r.tell(item)
		if f.Err.Kind == write.Stale {
			continue
		}
		for _, ch := range o.Operation.Attributes {
			if text.Same(ch.Name, f.Attribute) {
				list = append(list, ident.Refusal{
					Key: o.Key, Part: text.Lower(f.Attribute), Digest: operation.AppliedDigest(ch), Cause: item.Cause, Shared: item.Shared, Next: item.Next,
				})
			}
		}
	}
	return list
}

// split divides an operation into what was taken and an update of what was not.
func split(op ident.Operation, refused []write.Refusal) (taken, left ident.Operation) {
	taken = op
	taken.Attributes = nil
	left = ident.Operation{Class: ident.ClassUpdate, Reason: op.Reason, Verdict: op.Verdict}
	for _, ch := range op.Attributes {
		if slices.ContainsFunc(refused, func(f write.Refusal) bool { return text.Same(f.Attribute, ch.Name) }) {
			left.Attributes = append(left.Attributes, ch)
		} else {
			taken.Attributes = append(taken.Attributes, ch)
		}
	}
	return taken, left
}

func causes(refused []write.Refusal) string {
	all := ""
	for _, f := range refused {
		if all != "" {
			all += "; "
		}
		all += f.Attribute + ": " + f.Err.Cause
	}
	return all
}

// RetryRefused forgets what the directory refused of a key, or of all for "",
// so that the next run tries it again. It returns how much that is.
func (e *Engine) RetryRefused(ctx context.Context, automation string, key ident.Key) (int, error) {
	if !e.configured.Load().has(automation) {
		_, err := e.automation(automation)
		return 0, err
	}
	list, err := e.Store.Refusals(ctx, automation)
	if err != nil {
		return 0, fmt.Errorf("read what the directory refused: %w", err)
	}
	if known := keysOf(list); key != "" && !slices.Contains(known, string(key)) {
		return 0, &ident.UnknownNameError{What: "refusal that is remembered for the key", Name: string(key), Known: known, List: "rollcall quarantine list"}
	}
	list = slices.DeleteFunc(list, func(r ident.Refusal) bool { return key != "" && r.Key != key })
	if err := e.Store.ForgetRefusals(ctx, automation, list); err != nil {
		return 0, fmt.Errorf("try again what the directory refused: %w", err)
	}
	return len(list), nil
}

// keysOf lists whom refusals are about.
func keysOf(list []ident.Refusal) []string {
	var keys []string
	for _, r := range list {
		if !slices.Contains(keys, string(r.Key)) {
			keys = append(keys, string(r.Key))
		}
	}
	return keys
}
