package write

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Update writes the values that changed. It leaves alone an attribute that
// already has its new values. An attribute with neither the new nor the old
// values makes the whole update stale, and nothing is written.
func (w *Writer) Update(ctx context.Context, guid ident.GUID, changes []ident.AttributeChange) error {
	return w.update(ctx, ident.ClassUpdate, guid, changes)
}

// update is Update for a class of operations that writes attributes.
func (w *Writer) update(ctx context.Context, class ident.Class, guid ident.GUID, changes []ident.AttributeChange) error {
	e, err := w.account(ctx, class, guid, attributeNames(changes)...)
	if err != nil {
		return err
	}
	var mods []conn.Mod
	for _, c := range changes {
		m, err := w.modification(class, e, c)
		if err != nil {
			return err
		}
		mods = append(mods, m...)
	}
	if len(mods) == 0 {
		return nil
	}
	err = w.modify(ctx, class, e.DN, mods, changes)
	if aboutValues(err) {
		return w.oneByOne(ctx, class, e, changes, err)
	}
	return err
}

// modification returns what must be sent for a change: nothing, or one
// modification.
func (w *Writer) modification(class ident.Class, e ident.Entry, c ident.AttributeChange) ([]conn.Mod, error) {
	if cause := checkAttribute(c.Name, c.New, c.Binary); cause != "" {
		return nil, &Error{Kind: Invalid, Op: class, DN: e.DN, Attribute: c.Name, Cause: cause, Next: "correct it in the mapping"}
	}
	if text.Same(c.Name, w.rules.Anchor) {
		value := ""
		if len(c.New) == 1 {
			value = c.New[0]
		}
		return w.anchorMod(class, e, value)
	}
	have := e.Attributes.Values(c.Name)
	equal := text.Same
	switch {
	case c.Binary:
		equal = func(x, y string) bool { return x == y }
	case c.Reference:
		equal = func(x, y string) bool { return ident.DN(x).EqualFold(ident.DN(y)) }
	}
	same := func(a, b []string) bool {
		return sameValues(a, b) || c.Reference && len(a) == len(b) && holdsAll(a, b, equal)
	}
	lacking := absent(have, c.New, equal)
	switch {
	case c.Add && len(lacking) == 0, !c.Add && same(have, c.New):
		return nil, nil
	case !same(have, c.Old):
		return nil, stale(class, e.DN, c.Name, c.Old, have)
	case c.Add:
		return []conn.Mod{{Kind: conn.AddValues, Attribute: c.Name, Values: lacking}}, nil
	case len(c.New) == 0:
		return []conn.Mod{{Kind: conn.DeleteValues, Attribute: c.Name}}, nil
	}
	return []conn.Mod{{Kind: conn.ReplaceValues, Attribute: c.Name, Values: c.New}}, nil
}

// Adopt writes the anchor to an enabled account that has none. Any other value
// was set by somebody else and stays.
func (w *Writer) Adopt(ctx context.Context, guid ident.GUID, anchor string) error {
	e, err := w.account(ctx, ident.ClassAdopt, guid, w.rules.Anchor)
	if err != nil {
		return err
	}
	if disabled, _ := e.Disabled(); disabled {
		return &Error{
			Kind: Protected, Op: ident.ClassAdopt, DN: e.DN, Cause: "a disabled account is not adopted",
			Next: "enable it first, or leave this person out with where",
		}
	}
	mods, err := w.anchorMod(ident.ClassAdopt, e, anchor)
	if err != nil || len(mods) == 0 {
		return err
	}
	if err := w.dir.Modify(ctx, conn.ByDN(e.DN), mods, false); err != nil {
		return w.addFailed(ident.ClassAdopt, e.DN, w.rules.Anchor, err)
	}
	return nil
}

// Rekey replaces the anchor of an account by that of another key, for a person
// with a new key. Without attributes it does nothing.
func (w *Writer) Rekey(ctx context.Context, guid ident.GUID, changes []ident.AttributeChange) error {
	if len(changes) == 0 {
		return nil
	}
	c := changes[0]
	e, err := w.account(ctx, ident.ClassLink, guid, c.Name)
	if err != nil {
		return err
	}
	have := e.Attributes.Values(c.Name)
	switch {
	case slices.Equal(have, c.New):
		return nil
	case !slices.Equal(have, c.Old):
		return stale(ident.ClassLink, e.DN, c.Name, c.Old, have)
	}
	if cause := checkAttribute(c.Name, c.New, false); cause != "" {
		return &Error{
			Kind: Invalid, Op: ident.ClassLink, DN: e.DN, Attribute: c.Name, Cause: cause, Next: "choose an attribute that holds the key",
		}
	}
	mods := []conn.Mod{{Kind: conn.AddValues, Attribute: c.Name, Values: c.New}}
	if len(have) > 0 { // names the old value, so that the server refuses if it has changed meanwhile
		mods = slices.Insert(mods, 0, conn.Mod{Kind: conn.DeleteValues, Attribute: c.Name, Values: have})
	}
	if err := w.dir.Modify(ctx, conn.ByDN(e.DN), mods, false); err != nil {
		return w.addFailed(ident.ClassLink, e.DN, c.Name, err)
	}
	return nil
}

// addFailed explains a refused addition: if the attribute has a value now,
// somebody wrote it after the object was read.
func (w *Writer) addFailed(class ident.Class, dn ident.DN, attribute string, err error) error {
	var answer *conn.Error
	if errors.As(err, &answer) && answer.Code == ldap.LDAPResultAttributeOrValueExists {
		e := stale(class, dn, attribute, nil, nil)
		e.Code, e.Err, e.Cause = answer.Code, err, attribute+" was filled by somebody else at the same moment"
		return e
	}
	return w.fail(class, dn, err)
}

// anchorMod adds the anchor if there is none, or if the same number is spelled
// in another way. It is sent as an addition, so that the server refuses it if
// somebody has filled the attribute meanwhile.
func (w *Writer) anchorMod(class ident.Class, e ident.Entry, anchor string) ([]conn.Mod, error) {
	have := e.Attributes.Values(w.rules.Anchor)
	if len(have) > 0 && slices.Equal(have, []string{anchor}) {
		return nil, nil
	}
	former := len(have) == 1 && sameNumber(have[0], anchor)
	if len(have) > 0 && !former {
		err := stale(class, e.DN, w.rules.Anchor, nil, have)
		err.Next = "the value is somebody else's and stays: free the attribute by hand, or choose another anchor"
		return nil, err
	}
	if cause := checkAttribute(w.rules.Anchor, []string{anchor}, false); cause != "" {
		return nil, &Error{Kind: Invalid, Op: class, DN: e.DN, Attribute: w.rules.Anchor, Cause: cause, Next: "plan it anew"}
	}
	add := conn.Mod{Kind: conn.AddValues, Attribute: w.rules.Anchor, Values: []string{anchor}}
	if former {
		return []conn.Mod{{Kind: conn.DeleteValues, Attribute: w.rules.Anchor, Values: have}, add}, nil
	}
	return []conn.Mod{add}, nil
}

// sameNumber reports whether two anchors have the same space and the same
// number, such as pipedrive:12.0 and pipedrive:12.
func sameNumber(a, b string) bool {
	of, former, ok := ident.ParseAnchor(a)
	space, key, also := ident.ParseAnchor(b)
	if !ok || !also || of != space {
		return false
	}
	x, isNumber := abi.NumberKey(string(former))
	y, isToo := abi.NumberKey(string(key))
	return isNumber && isToo && x == y
}

// flags returns userAccountControl. The method account has checked that it
// exists.
func flags(e ident.Entry) int64 {
	v, _ := strconv.ParseInt(e.Attributes.First("userAccountControl"), 10, 64)
	return v
}
