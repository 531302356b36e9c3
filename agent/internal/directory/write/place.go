package write

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Rename gives the account at from the name of to, in the same container.
func (w *Writer) Rename(ctx context.Context, guid ident.GUID, from, to ident.DN) error {
	name, parent, err := w.target(ident.ClassRename, to)
	if err != nil {
		return err
	}
	e, err := w.account(ctx, ident.ClassRename, guid)
	if err != nil {
		return err
	}
	switch {
	case !parent.EqualFold(e.DN.Parent()):
		return stale(ident.ClassRename, e.DN, "distinguishedName", []string{string(from)}, []string{string(e.DN)})
	case e.DN.Name() == name:
		return nil
	case !e.DN.EqualFold(from):
		return stale(ident.ClassRename, e.DN, "distinguishedName", []string{string(from)}, []string{string(e.DN)})
	}
	return w.modifyDN(ctx, ident.ClassRename, e, name, "")
}

// Move puts the account at from into the container of to, under its present
// name or, in the same step, under another one that is free there.
func (w *Writer) Move(ctx context.Context, guid ident.GUID, from, to ident.DN) error {
	name, parent, err := w.target(ident.ClassMove, to)
	if err != nil {
		return err
	}
	e, err := w.account(ctx, ident.ClassMove, guid)
	if err != nil {
		return err
	}
	if e.DN.EqualFold(to) {
		return nil
	}
	if err := w.mayMove(ctx, ident.ClassMove, e, from, parent.Child(name)); err != nil {
		return err
	}
	return w.modifyDN(ctx, ident.ClassMove, e, name, parent)
}

// mayMove checks that the account is still at from (in the same spelling, if
// it is to keep its name), that the container exists, and that the name is
// free there.
func (w *Writer) mayMove(ctx context.Context, class ident.Class, e ident.Entry, from, to ident.DN) error {
	keeps := from.Name() == to.Name()
	if !e.DN.EqualFold(from) || keeps && e.DN.Name() != to.Name() {
		return stale(class, e.DN, "distinguishedName", []string{string(from)}, []string{string(e.DN)})
	}
	if _, err := w.dir.Get(ctx, conn.ByDN(to.Parent()), []string{"objectClass"}); err != nil {
		if errors.Is(err, conn.ErrNotFound) {
			return noParent(class, to, err)
		}
		return w.fail(class, e.DN, err)
	}
	switch other, err := w.dir.Get(ctx, conn.ByDN(to), []string{"cn"}); {
	case err == nil && other.GUID != e.GUID:
		return &Error{
			Kind: NameTaken, Op: class, DN: e.DN, Cause: fmt.Sprintf("%s exists already", to),
			Next: "rename or remove one of the two",
		}
	case err != nil && !errors.Is(err, conn.ErrNotFound):
		return w.fail(class, e.DN, err)
	}
	return nil
}

// Delete deletes an account. What is below it keeps it from being deleted.
func (w *Writer) Delete(ctx context.Context, guid ident.GUID) error {
	e, err := w.account(ctx, ident.ClassDelete, guid)
	if err != nil {
		return err
	}
	if err := w.dir.Delete(ctx, e.DN); err != nil {
		return w.fail(ident.ClassDelete, e.DN, err)
	}
	return nil
}

func (w *Writer) modifyDN(ctx context.Context, class ident.Class, e ident.Entry, name string, parent ident.DN) error {
	if err := w.dir.ModifyDN(ctx, e.DN, parent.Child(name).RDN(), parent); err != nil {
		return w.fail(class, e.DN, err)
	}
	return nil
}

// Enable clears the disabled bit of an account that has it and then, if to is
// set, moves the account from from to to.
func (w *Writer) Enable(ctx context.Context, guid ident.GUID, from, to ident.DN) error {
	return w.setState(ctx, ident.ClassEnable, guid, from, to)
}

// Disable sets the disabled bit of an account that does not have it and then,
// if to is set, moves the account from from to to. If somebody else has
// disabled the account, the operation is stale: rollcall must not take it for
// its own doing.
func (w *Writer) Disable(ctx context.Context, guid ident.GUID, from, to ident.DN) error {
	return w.setState(ctx, ident.ClassDisable, guid, from, to)
}

func (w *Writer) setState(ctx context.Context, class ident.Class, guid ident.GUID, from, to ident.DN) error {
	var name string
	var parent ident.DN
	var err error
	if to != "" {
		if name, parent, err = w.target(class, to); err != nil {
			return err
		}
	}
	e, err := w.account(ctx, class, guid)
	if err != nil {
		return err
	}
	moves := to != "" && !e.DN.EqualFold(to)
	if moves {
		// Everything that could prevent the move is checked before the state
		// changes.
		if err := w.mayMove(ctx, class, e, from, parent.Child(name)); err != nil {
			return err
		}
	}
	if err := w.switchState(ctx, class, e); err != nil {
		return err
	}
	if !moves {
		return nil
	}
	err = w.modifyDN(ctx, class, e, name, parent)
	var failed *Error
	if errors.As(err, &failed) {
		failed.Done = class
	}
	return err
}

// switchState changes one bit of userAccountControl and keeps the others.
func (w *Writer) switchState(ctx context.Context, class ident.Class, e ident.Entry) error {
	before := flags(e)
	after := before&^computedBits | ident.AccountDisable
	word := "disabled"
	if class == ident.ClassEnable {
		after, word = before&^(computedBits|ident.AccountDisable), "enabled"
	}
	if before&ident.AccountDisable == after&ident.AccountDisable {
		err := stale(class, e.DN, "userAccountControl", []string{strconv.FormatInt(after^ident.AccountDisable, 10)},
			[]string{strconv.FormatInt(before, 10)})
		err.Cause = "somebody else has " + word + " the account since the plan was made"
		return err
	}
	err := w.dir.Modify(ctx, conn.ByDN(e.DN), []conn.Mod{{
		Kind: conn.ReplaceValues, Attribute: "userAccountControl", Values: []string{strconv.FormatInt(after, 10)},
	}}, false)
	if err != nil {
		return w.fail(class, e.DN, err)
	}
	return nil
}
