package write

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Refusal is one attribute that the directory refused.
type Refusal struct {
	Attribute string
	Err       *Error
}

// aboutValues reports whether the directory refused an operation because of
// its values, so that it may succeed without one of the attributes. The result
// code decides. Which attribute is at fault must be found by trying, because
// no server reliably says so.
func aboutValues(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Err != nil && (e.Kind == Invalid || e.Kind == ValueTaken || e.Kind == Denied)
}

// oneByOne writes the attributes of an account that was just read one at a
// time, after the directory has refused them together with the error whole.
// Its error lists the attributes that were refused; the others are written. If the
// directory fails in between, the error says that something was written.
func (w *Writer) oneByOne(ctx context.Context, class ident.Class, e ident.Entry, changes []ident.AttributeChange, whole error) error {
	var refused []Refusal
	written := class == ident.ClassCreate // the account itself
	of := class
	if written {
		of = ident.ClassUpdate
	}
	for _, c := range changes {
		mods, err := w.modification(of, e, c)
		if err == nil && len(mods) == 0 {
			continue
		}
		if err == nil {
			err = w.modify(ctx, of, e.DN, mods, []ident.AttributeChange{c})
		}
		var failed *Error
		switch {
		case err == nil:
			written = true
		case errors.As(err, &failed) && failed.Kind != Unknown && failed.Kind != Unavailable:
			refused = append(refused, Refusal{c.Name, failed})
		default:
			if written && failed != nil {
				failed.Done = class
			}
			return err
		}
	}
	if len(refused) == 0 {
		return nil // the combination was refused, or the cause has passed
	}
	var out *Error
	if !errors.As(whole, &out) {
		return whole
	}
	partly := *out
	partly.Op, partly.DN, partly.Refused = class, e.DN, refused
	first := refused[0].Err
	partly.Kind, partly.Attribute, partly.Code = first.Kind, refused[0].Attribute, first.Code
	partly.Cause, partly.Next = first.Cause, first.Next
	if written {
		partly.Done = class
	}
	return &partly
}

// modify sends the modifications.
func (w *Writer) modify(ctx context.Context, class ident.Class, dn ident.DN, mods []conn.Mod, changes []ident.AttributeChange) error {
	err := w.dir.Modify(ctx, conn.ByDN(dn), mods, false)
	if err == nil {
		return nil
	}
	if i := slices.IndexFunc(mods, func(m conn.Mod) bool { return m.Kind == conn.AddValues }); i >= 0 {
		err = w.addFailed(class, dn, mods[i].Attribute, err)
	}
	return w.refused(ctx, class, dn, changes, err)
}

// withoutRefused makes the account with only the attributes that every account
// needs, after the directory has refused it with all of them, and then writes
// the others one by one. If the bare account is refused too, the reason in
// whole is reported.
func (w *Writer) withoutRefused(ctx context.Context, at ident.DN, changes []ident.AttributeChange, initial Initial, whole error) error {
	var least, rest []ident.AttributeChange
	for _, c := range changes {
		if text.Same(c.Name, "sAMAccountName") || text.Same(c.Name, w.rules.Anchor) {
			least = append(least, c)
		} else {
			rest = append(rest, c)
		}
	}
	if len(rest) == 0 {
		return whole
	}
	if err := w.add(ctx, at, least, initial); aboutValues(err) {
		return whole
	} else if err != nil {
		return err
	}
	return w.oneByOne(ctx, ident.ClassCreate, ident.Entry{DN: at}, rest, whole)
}
