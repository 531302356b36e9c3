package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// present returns the task with the DNs that the objects of its references have now:
// accounts that the plan saw may have been created, renamed or moved since, by this
// very run. stale says why an account cannot be named; "" if all can.
func (j *Job) present(ctx context.Context, t Task, link ident.Link) (out Task, stale string, err error) {
	if !slices.ContainsFunc(t.Op.Attributes, func(ch ident.AttributeChange) bool { return ch.Reference }) {
		return t, "", nil
	}
	t.Op.Attributes = slices.Clone(t.Op.Attributes)
	done := true
	for i := range t.Op.Attributes {
		ch := &t.Op.Attributes[i]
		if !ch.Reference {
			done = false
			continue
		}
		if err := j.presentOld(ctx, ch); err != nil {
			return t, "", fmt.Errorf("find what %s of %s names: %w", ch.Name, t.Change.Name, err)
		}
		if stale, err = j.presentNew(ctx, ch); err != nil {
			return t, "", fmt.Errorf("find what %s of %s is to name: %w", ch.Name, t.Change.Name, err)
		}
		if stale != "" {
			return t, stale, nil
		}
		there, err := j.asWritten(ctx, t, link, ch)
		if err != nil {
			return t, "", fmt.Errorf("find what %s of %s names: %w", ch.Name, t.Change.Name, err)
		}
		done = done && there
	}
	if done {
		return t, operation.AsPlanned.Why, nil
	}
	return t, "", nil
}

// asWritten looks at the directory where the mirror did not know whom a reference
// names, as it does not follow renames in every attribute. If that is whom rollcall
// wrote, these are its old values; done reports that the new ones are among them.
func (j *Job) asWritten(ctx context.Context, t Task, link ident.Link, ch *ident.AttributeChange) (done bool, err error) {
	applied, known := link.Applied[text.Lower(ch.Name)]
	if !known || !slices.Contains(ch.Were, "") {
		return false, nil
	}
	e, err := j.Directory.Get(ctx, conn.ByGUID(t.Change.GUID), []string{ch.Name})
	if errors.Is(err, conn.ErrNotFound) {
		return false, nil // the write tells
	}
	if err != nil {
		return false, err
	}
	have := e.Attributes.Values(ch.Name)
	were := make([]ident.GUID, len(have))
	for i, v := range have {
		named, err := j.Directory.Get(ctx, conn.ByDN(ident.DN(v)), []string{"cn"})
		if err != nil && !errors.Is(err, conn.ErrNotFound) {
			return false, err
		}
		were[i] = named.GUID
	}
	if applied != operation.DigestOfObjects(have, were) {
		return false, nil
	}
	ch.Old, ch.Were = have, were
	return operation.Holds(e, ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{*ch}}), nil
}

// notFoundOut records that an operation was not made because the directory did not
// tell where the accounts are that it names. It returns an error only for what
// must end the run.
func (j *Job) notFoundOut(ctx context.Context, t Task, failure error) error {
	if Ends(ctx, failure) {
		return failure
	}
	o := j.Outcome(t, ident.ResultFailed)
	o.Cause, o.Next = failure.Error(), again
	var answer *conn.Error
	if errors.As(failure, &answer) {
		o.Code = answer.Code
	}
	j.Listener.Tell(failedItem(o, "", ""), false)
	c := j.commit(o, "")
	c.HeldID = t.HeldID
	if err := j.Store.Commit(ctx, j.Lease, c); err != nil {
		return fmt.Errorf("record that %s of %s failed: %w", t.Op.Class, t.Change.Name, err)
	}
	j.logFailure(o)
	j.Listener.Recorded(o)
	return nil
}

// Present returns a change with the DNs that the objects which a reference named have
// now.
func (j *Job) Present(ctx context.Context, ch ident.AttributeChange) (ident.AttributeChange, error) {
	if !ch.Reference {
		return ch, nil
	}
	err := j.presentOld(ctx, &ch)
	return ch, err
}

// presentOld brings the old values of a reference up to date. The directory itself
// removes the value when its object is deleted.
func (j *Job) presentOld(ctx context.Context, ch *ident.AttributeChange) error {
	var old []string
	var were []ident.GUID
	for i, v := range ch.Old {
		guid := ident.GUID("")
		if i < len(ch.Were) {
			guid = ch.Were[i]
		}
		if guid != "" {
			e, err := j.Directory.Get(ctx, conn.ByGUID(guid), []string{"cn"})
			if errors.Is(err, conn.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			v = string(e.DN)
		}
		old, were = append(old, v), append(were, guid)
	}
	ch.Old, ch.Were = old, were
	return nil
}

// presentNew fills in the DNs of the accounts that a reference is to name.
func (j *Job) presentNew(ctx context.Context, ch *ident.AttributeChange) (stale string, err error) {
	ch.New, ch.Named = slices.Clone(ch.New), slices.Clone(ch.Named)
	for i := range ch.Named {
		n := &ch.Named[i]
		whose := string(n.GUID)
		if n.Key != "" {
			whose = "of the key " + string(n.Key)
			link, linked, err := j.Store.LinkByKey(ctx, j.Space(), n.Key)
			switch {
			case err != nil:
				return "", err
			case !linked:
				return fmt.Sprintf("%s: no account is linked to the key %s", ch.Name, n.Key), nil
			case n.GUID != "" && n.GUID != link.GUID:
				return fmt.Sprintf("%s: the key %s has been linked since to another account", ch.Name, n.Key), nil
			}
			n.GUID = link.GUID
		}
		if n.GUID == "" || i >= len(ch.New) {
			continue
		}
		e, err := j.Directory.Get(ctx, conn.ByGUID(n.GUID), []string{"cn"})
		if errors.Is(err, conn.ErrNotFound) {
			return fmt.Sprintf("%s: the account %s is not in the directory any more", ch.Name, whose), nil
		}
		if err != nil {
			return "", err
		}
		ch.New[i] = string(e.DN)
	}
	return "", nil
}
