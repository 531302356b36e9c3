// Package operation says what each class of operation means: what it leaves in
// the link, how to see that it has happened, how to undo it, where it puts the
// account, by which digest a later run recognises it, and how it is displayed.
// Each class has one file. To add a class, start with such a file; the
// functions of this package combine them all.
//
// It carries nothing out (package write does) and does not decide which
// operations there should be (package plan does). It is used by plan, apply,
// engine and store, and by the code that prints operations.
package operation

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// kind holds what is specific to one class. The zero value of each field suits
// most classes.
type kind struct {
	sign    string // how it reads: "+", "-" or, for "", "~"
	undone  string // the part of a user that a failure leaves undone; see Undone
	account bool   // it makes the account
	link    bool   // it links a record
	local   bool   // it writes to the directory only if it changes attributes
	halves  bool   // it writes twice: first the state of the account, then its place
	gone    bool   // the account does not exist afterwards

	// inverse is the class that undoes it; "" if none does.
	inverse ident.Class
	// remember records in a link what the operation leaves, apart from the
	// values of its attributes. nil records nothing.
	remember func(link *ident.Link, op ident.Operation, at time.Time)
	// holds reports whether an account is as the operation leaves it. nil
	// means that the account alone does not show it.
	holds func(now ident.Entry, op ident.Operation) bool
	// fate returns what has become of operation i of a saved change. nil
	// leaves that to the write.
	fate func(s *since, i int) (Fate, error)
}

var kinds = map[ident.Class]*kind{
	ident.ClassLink:       &link,
	ident.ClassAdopt:      &adopt,
	ident.ClassCreate:     &create,
	ident.ClassEnable:     &enable,
	ident.ClassUpdate:     &update,
	ident.ClassRename:     &rename,
	ident.ClassMove:       &move,
	ident.ClassReferences: &references,
	ident.ClassGroups:     &groups,
	ident.ClassDisable:    &disable,
	ident.ClassDelete:     &remove,
}

// of returns the kind of a class, or an empty one if the class is unknown.
func of(class ident.Class) *kind {
	if k, ok := kinds[class]; ok {
		return k
	}
	return &kind{}
}

// Known reports whether this version carries out operations of the class.
func Known(class ident.Class) bool { return kinds[class] != nil }

// Removes reports whether the account does not exist any more after an operation
// of the class.
func Removes(class ident.Class) bool { return of(class).gone }

// MakesLink reports whether an operation of the class creates the link, so
// that all other operations of the user wait for it.
func MakesLink(class ident.Class) bool { return of(class).link }

// MakesAccount reports whether an operation of the class creates the account.
func MakesAccount(class ident.Class) bool { return of(class).account }

// Writes reports whether the operation changes anything in the directory.
// Restoring a link by its anchor does not.
func Writes(op ident.Operation) bool { return !of(op.Class).local || len(op.Attributes) > 0 }

// Undone returns the part of a user that stays undone when an operation of the
// class fails, in the form of QuarantineItem.Part.
func Undone(class ident.Class) string {
	switch k := of(class); {
	case k.account:
		return "" // there is no account at all
	case k.undone != "":
		return k.undone
	}
	return ident.PartAccount
}

// Holds reports whether an account is as the operation leaves it. The groups
// in now must include the primary group.
func Holds(now ident.Entry, op ident.Operation) bool {
	k := of(op.Class)
	return k.holds != nil && k.holds(now, op)
}

// Shown returns the part of an operation that an account shows, of one that writes
// piece by piece and does not hold as a whole; the zero Operation if it shows none, or
// the class writes at once. The groups in now must include the primary group. Of a create
// it leaves out the attributes that the account, which is there, does not have.
func Shown(now ident.Entry, op ident.Operation) ident.Operation {
	part := ident.Operation{Class: op.Class}
	switch op.Class {
	case ident.ClassGroups:
		for _, g := range op.Groups {
			if Holds(now, ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{g}}) {
				part.Groups = append(part.Groups, g)
			}
		}
		for _, g := range op.Left {
			if Holds(now, ident.Operation{Class: ident.ClassGroups, Left: []ident.DN{g}}) {
				part.Left = append(part.Left, g)
			}
		}
	case ident.ClassUpdate, ident.ClassReferences, ident.ClassLink, ident.ClassAdopt:
		for _, ch := range op.Attributes {
			if Holds(now, ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{ch}}) {
				part.Attributes = append(part.Attributes, ch)
			}
		}
	case ident.ClassCreate:
		part = op
		part.Attributes = slices.DeleteFunc(slices.Clone(op.Attributes), func(ch ident.AttributeChange) bool {
			return EchoOfValues(ch.Name, now.Attributes.Values(ch.Name)) != EchoOfValues(ch.Name, ch.New)
		})
	default:
		return ident.Operation{}
	}
	return part
}

// FirstHalf returns the part of an operation that is carried out first, if the
// operation writes twice. The link must know that rollcall disabled an account
// even if the move that belongs to it failed. Any other operation is returned
// unchanged, with false.
func FirstHalf(op ident.Operation) (ident.Operation, bool) {
	if !of(op.Class).halves {
		return op, false
	}
	op.From, op.To, op.Attributes = "", "", nil
	return op, true
}

// GivesUp reports whether an operation takes a value from its account.
func GivesUp(op ident.Operation) bool {
	return slices.ContainsFunc(op.Attributes, func(ch ident.AttributeChange) bool {
		return !ch.Add && slices.ContainsFunc(ch.Old, func(v string) bool { return !slices.Contains(ch.New, v) })
	})
}
