// Package operation says what each class of operation means: what it leaves in
// the link, how to see that it has happened, what takes it back, where it puts
// the account, by which digest a later run knows it again, and how it reads.
// There is one file a class; whoever wants to add a class begins with one, and
// the functions of this package answer for all of them.
//
// It carries nothing out (package write does), and does not decide which
// operations there should be (package plan does). It is for plan, apply, engine
// and store, and for what prints operations.
package operation

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// kind is what is particular to one class. The zero value of each field is the
// answer of most classes.
type kind struct {
	sign        string // how it reads: "+", "-" or, for "", "~"
	undone      string // the part of a user that a failure leaves undone; see Undone
	account     bool   // it makes the account
	link        bool   // it makes the link of a record
	local       bool   // it writes nothing to the directory unless attributes are to be changed
	halves      bool   // the state of the account is one write, its place another, and the state comes first
	unsupported bool   // this version does not carry it out

	// inverse is the class that takes it back; "" when none does.
	inverse ident.Class
	// remember notes in a link what the operation leaves, beside the values of
	// its attributes. nil notes nothing.
	remember func(link *ident.Link, op ident.Operation, at time.Time)
	// holds reports whether an account is as the operation leaves it. nil says
	// that the account alone does not show it.
	holds func(now ident.Entry, op ident.Operation) bool
	// fate tells what has become of operation i of a saved change. nil leaves
	// that to the write.
	fate func(s *since, i int) (Fate, error)
}

var kinds = map[ident.Class]*kind{
	ident.ClassLink:    &link,
	ident.ClassAdopt:   &adopt,
	ident.ClassCreate:  &create,
	ident.ClassEnable:  &enable,
	ident.ClassUpdate:  &update,
	ident.ClassRename:  &rename,
	ident.ClassMove:    &move,
	ident.ClassGroups:  &groups,
	ident.ClassDisable: &disable,
	ident.ClassDelete:  &remove,
}

// of returns what is particular to a class: nothing when it is unknown.
func of(class ident.Class) *kind {
	if k, ok := kinds[class]; ok {
		return k
	}
	return &kind{}
}

// Known reports whether this version carries out operations of the class.
func Known(class ident.Class) bool { return kinds[class] != nil && !kinds[class].unsupported }

// MakesLink reports whether an operation of the class comes before there is a
// link, so that all others about the user wait for it.
func MakesLink(class ident.Class) bool { return of(class).link }

// MakesAccount reports whether there is no account before an operation of the
// class is carried out.
func MakesAccount(class ident.Class) bool { return of(class).account }

// Writes reports whether the operation changes anything in the directory. A
// link that is restored by its anchor does not.
func Writes(op ident.Operation) bool { return !of(op.Class).local || len(op.Attributes) > 0 }

// Undone is the part of a user that is left undone when an operation of the
// class fails, as QuarantineItem.Part has it.
func Undone(class ident.Class) string {
	switch k := of(class); {
	case k.account:
		return "" // there is no account at all
	case k.undone != "":
		return k.undone
	}
	return ident.PartAccount
}

// Holds reports whether an account is as the operation leaves it. Of the groups
// of the account, now holds the primary one, too.
func Holds(now ident.Entry, op ident.Operation) bool {
	k := of(op.Class)
	return k.holds != nil && k.holds(now, op)
}

// FirstHalf returns the part of an operation that is carried out first, where
// there are two writes: the link must know who disabled an account even when
// the move that goes with it failed. Any other operation is returned as it is,
// with false.
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
