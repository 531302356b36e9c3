package operation

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Echo is one thing that an operation changes about an object, in the form in
// which the directory's feed of changes shows it. The agent recognises its own
// writes by it.
type Echo struct {
	Part   string // what changes: see the constants, EchoOfAttribute and EchoOfMember
	Digest string // of how it is afterwards
}

// The parts of an object, besides its attributes and memberships.
const (
	EchoLife  = "life"  // it exists
	EchoState = "state" // enabled or disabled
	EchoPlace = "place" // its container
	EchoName  = "name"  // its RDN
)

// EchoOfAttribute names the part that an attribute is.
func EchoOfAttribute(attribute string) string { return "attribute " + text.Lower(attribute) }

// EchoOfMember names the part that the membership in a group is.
func EchoOfMember(group ident.DN) string { return "member " + group.Fold() }

// Membership reports whether what changes is a membership, which the feed tells apart
// from everything else about an object.
func (e Echo) Membership() bool { return strings.HasPrefix(e.Part, EchoOfMember("")) }

// Echoes lists what the feed of changes shows of an operation that was carried
// out as a whole, each part once. What the directory changes by itself because of
// it has no part of its own: cn and name belong to EchoName, and
// userAccountControl belongs to EchoState.
//
// The parts of a create are the account as it was made. The feed shows an account
// that it has not shown before as one change.
func Echoes(op ident.Operation) []Echo {
	var list []Echo
	switch op.Class {
	case ident.ClassCreate:
		state := ident.EventEnabled
		if op.Off != "" {
			state = ident.EventDisabled
		}
		list = []Echo{echoOfKind(ident.EventCreated), echoOfKind(state), echoOfPlace(op.To), echoOfName(op.To)}
	case ident.ClassDelete:
		return []Echo{echoOfKind(ident.EventDeleted)}
	case ident.ClassEnable:
		list = append(list, echoOfKind(ident.EventEnabled))
	case ident.ClassDisable:
		list = append(list, echoOfKind(ident.EventDisabled))
	case ident.ClassGroups:
		return echoesOfGroups(op)
	case ident.ClassLink, ident.ClassAdopt, ident.ClassUpdate, ident.ClassReferences, ident.ClassRename, ident.ClassMove:
	}
	if op.From != "" && op.To != "" {
		if !op.From.Parent().EqualFold(op.To.Parent()) {
			list = append(list, echoOfPlace(op.To))
		}
		if op.From.Name() != op.To.Name() {
			list = append(list, echoOfName(op.To))
		}
	}
	for _, ch := range op.Attributes {
		if !ofName(ch.Name) {
			list = append(list, EchoOfValues(ch.Name, afterwards(ch)))
		}
	}
	return list
}

// EchoOf returns the part of an event in the form in which Echoes predicts it.
func EchoOf(e *ident.Event, p ident.EventPart) Echo {
	switch p.Kind {
	case ident.EventMoved:
		return echoOfPlace(e.DN)
	case ident.EventRenamed:
		return echoOfName(e.DN)
	case ident.EventModified:
		return EchoOfValues(p.Attribute, p.New)
	case ident.EventMemberAdded, ident.EventMemberRemoved:
		if e.Group != nil {
			return Echo{EchoOfMember(e.Group.DN), Digest([]string{string(p.Kind)})}
		}
	case ident.EventCreated, ident.EventRestored, ident.EventDeleted, ident.EventEnabled, ident.EventDisabled:
	}
	return echoOfKind(p.Kind)
}

// Shows reports whether an object that is seen for the first time is as an echo
// says. Attributes that the image does not have prove nothing: not every attribute
// is mirrored.
func Shows(e *ident.Event, want Echo) bool {
	switch want.Part {
	case EchoLife:
		return true
	case EchoPlace:
		return want == echoOfPlace(e.DN)
	case EchoName:
		return want == echoOfName(e.DN)
	case EchoState:
		disabled, known := ident.Entry{Attributes: e.Image}.Disabled()
		return !known || disabled == (want == echoOfKind(ident.EventDisabled))
	}
	for name, values := range e.Image {
		if EchoOfAttribute(name) == want.Part {
			return want == EchoOfValues(name, values)
		}
	}
	return true
}

// echoOfKind returns the echo of a kind of change that has no values.
func echoOfKind(kind ident.EventKind) Echo {
	part := EchoLife
	if kind == ident.EventEnabled || kind == ident.EventDisabled {
		part = EchoState
	}
	return Echo{part, Digest([]string{string(kind)})}
}

func echoOfPlace(dn ident.DN) Echo { return Echo{EchoPlace, Digest([]string{dn.Parent().Fold()})} }

func echoOfName(dn ident.DN) Echo { return Echo{EchoName, Digest([]string{dn.Name()})} }

// EchoOfValues returns the echo of the values of an attribute. As when events are
// compared, their order does not count, DNs may be spelled in any way, and all ways
// to say "no value" are the same.
func EchoOfValues(attribute string, values []string) Echo {
	if ident.None(attribute, values) {
		values = nil
	}
	folded := make([]string, len(values))
	for i, v := range values {
		folded[i] = ident.DN(v).Fold() // what is no DN stays as it is
	}
	return Echo{EchoOfAttribute(attribute), Digest(folded)}
}

func echoesOfGroups(op ident.Operation) []Echo {
	var list []Echo
	add := func(kind ident.EventKind, groups []ident.DN) {
		for _, g := range groups {
			if e := (Echo{EchoOfMember(g), Digest([]string{string(kind)})}); !slices.Contains(list, e) {
				list = append(list, e)
			}
		}
	}
	add(ident.EventMemberAdded, op.Groups)
	add(ident.EventMemberRemoved, op.Left)
	return list
}

// afterwards lists the values that an attribute has after the change. The
// directory takes values that differ only in case for one value, and a value is
// not added when it is there already.
func afterwards(ch ident.AttributeChange) []string {
	if !ch.Add {
		return ch.New
	}
	all := slices.Clone(ch.Old)
	for _, v := range ch.New {
		same := func(other string) bool { return other == v || !ch.Binary && text.Same(other, v) }
		if !slices.ContainsFunc(all, same) {
			all = append(all, v)
		}
	}
	return all
}

// ofName reports whether the directory changes an attribute together with the RDN.
func ofName(attribute string) bool { return text.Same(attribute, "cn") || text.Same(attribute, "name") }
