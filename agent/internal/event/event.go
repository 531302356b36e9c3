// Package event says what happened to a user or a group between two reads of the
// directory, by comparing its images. It does no I/O and decides nothing: who is
// interested, and whether the agent wrote it itself, is the concern of others.
//
// What counts:
//   - an object that was not there is created, or restored if it was deleted
//     before; nothing else is said about it;
//   - another container is a move, and another name a rename;
//   - the disabled bit of userAccountControl makes enabled and disabled;
//   - every other difference is modified, with one part for each attribute. The
//     order of values does not count. A value that is a DN counts by the object
//     that it names, so the rename of a manager changes none of the staff.
//
// What never counts is what the directory keeps by itself, such as whenChanged, and
// what other parts tell already, such as cn. What changes with every logon, and
// userAccountControl as a whole, counts only if it is asked for by name.
package event

import (
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Places says which object a DN names; "" for none that is known.
type Places interface {
	Before(ident.DN) (ident.GUID, error) // when the directory was read before
	After(ident.DN) (ident.GUID, error)
}

// Rules say which attributes count. Names are in lower case.
type Rules struct {
	Named  map[string]bool // asked for by name
	Places Places
}

// interdomainTrust is the bit of userAccountControl of accounts that stand for
// another domain (MS-ADTS section 2.2.16).
const interdomainTrust = 0x800

// Kind says what an object is, for events; false for objects that have none, such
// as computers and units.
func Kind(a ident.Attributes) (ident.ObjectKind, bool) {
	has := func(class string) bool {
		return slices.ContainsFunc(a.Values("objectClass"), func(v string) bool { return text.Same(v, class) })
	}
	switch {
	case has("group"):
		return ident.ObjectGroup, true
	case !has("user") || has("computer"): // managed service accounts are computers
		return "", false
	}
	flags, err := strconv.ParseInt(a.First("userAccountControl"), 10, 64)
	if err == nil && flags&interdomainTrust != 0 {
		return "", false
	}
	return ident.ObjectUser, true
}

// Name returns how people call an object: by its account, or else by its name in
// the directory.
func Name(e ident.Entry) string {
	if name := e.Attributes.First("sAMAccountName"); name != "" {
		return name
	}
	return e.DN.Name()
}

// New returns the parts of an event about an object that was not there before.
func New(deletedBefore bool) []ident.EventPart {
	if deletedBefore {
		return []ident.EventPart{{Kind: ident.EventRestored}}
	}
	return []ident.EventPart{{Kind: ident.EventCreated}}
}

// Compare returns what happened to an object that was there before and is still
// there, in the order of ident.EventKinds. It returns nothing if nothing counts.
// names lists the attributes that were reported anew, in lower case. Others are
// the same: their DNs have merely followed what they name.
func Compare(before, after ident.Entry, names []string, rules Rules) ([]ident.EventPart, error) {
	parts := account(before, after)
	if before.DN.Parent().Fold() != after.DN.Parent().Fold() {
		parts = append(parts, place(ident.EventMoved, before.DN, after.DN))
	}
	if before.DN.Name() != after.DN.Name() {
		parts = append(parts, place(ident.EventRenamed, before.DN, after.DN))
	}
	for _, name := range sorted(names) {
		if !rules.counts(name, before.DN, after.DN) {
			continue
		}
		was, is := before.Attributes[name], after.Attributes[name]
		same, err := rules.same(was, is)
		if err != nil {
			return nil, err
		}
		if !same {
			parts = append(parts, ident.EventPart{Kind: ident.EventModified, Attribute: name, Old: was, New: is})
		}
	}
	return parts, nil
}

// account returns whether an account was enabled or disabled. An unreadable
// userAccountControl says neither.
func account(before, after ident.Entry) []ident.EventPart {
	was, knownBefore := before.Disabled()
	is, known := after.Disabled()
	if !knownBefore || !known || was == is {
		return nil
	}
	kind := ident.EventEnabled
	if is {
		kind = ident.EventDisabled
	}
	return []ident.EventPart{{
		Kind: kind, Old: before.Attributes.Values("userAccountControl"), New: after.Attributes.Values("userAccountControl"),
	}}
}

func place(kind ident.EventKind, from, to ident.DN) ident.EventPart {
	return ident.EventPart{Kind: kind, Old: []string{string(from)}, New: []string{string(to)}}
}

func (r Rules) counts(name string, before, after ident.DN) bool {
	switch {
	case ident.Unseen(name) != "", name == before.NamingAttribute(), name == after.NamingAttribute():
		return false
	case ident.OnlyNamed(name):
		return r.Named[name]
	}
	return true
}

// same reports whether two lists hold the same values. Values that are DNs are
// the same if they name the same object: one DN may have passed to another.
func (r Rules) same(was, is []string) (bool, error) {
	if len(was) != len(is) || !slices.ContainsFunc(was, isDN) {
		return slices.Equal(sorted(was), sorted(is)), nil
	}
	before, err := targets(was, r.Places.Before)
	if err != nil {
		return false, err
	}
	after, err := targets(is, r.Places.After)
	return slices.Equal(before, after), err
}

// targets replaces values by the GUIDs of what they name, in order. A value that
// names no known object stands for itself.
func targets(values []string, find func(ident.DN) (ident.GUID, error)) ([]string, error) {
	list := make([]string, len(values))
	for i, v := range values {
		if list[i] = v; !isDN(v) {
			continue
		}
		guid, err := find(ident.DN(v))
		if err != nil {
			return nil, err
		}
		if list[i] = ident.DN(v).Fold(); guid != "" {
			list[i] = "\x00" + string(guid) // no text equals it
		}
	}
	slices.Sort(list)
	return list, nil
}

// isDN reports whether a value can be the DN of an object. A text that merely
// looks like one names no object, and stands for itself.
func isDN(value string) bool {
	dn, err := ident.ParseDN(value)
	return err == nil && dn.Parent() != ""
}

func sorted(values []string) []string { return slices.Sorted(slices.Values(values)) }

// Net returns the members of a group that were really removed and added. The
// lists may name somebody twice who is the same before and after, because their
// DN has changed.
func Net(removed, added []ident.GUID) (gone, joined []ident.GUID) {
	return without(removed, added), without(added, removed)
}

func without(list, other []ident.GUID) []ident.GUID {
	drop := make(map[ident.GUID]bool, len(other))
	for _, guid := range other {
		drop[guid] = true
	}
	var left []ident.GUID
	for _, guid := range list {
		if !drop[guid] {
			drop[guid] = true // once
			left = append(left, guid)
		}
	}
	return left
}
