package plan

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// offTeller is what a Mapper may also be: it tells the condition that says why an
// account is disabled.
type offTeller interface{ Off(ident.Off) string }

// condition returns the key of a condition and what the configuration says there.
func (f *differ) condition(why ident.Off) string {
	teller, tells := f.mapper.(offTeller)
	if !tells || teller.Off(why) == "" {
		return string(why)
	}
	return fmt.Sprintf("%s (%s)", why, text.Cut(strings.Join(strings.Fields(teller.Off(why)), " "), mostCondition))
}

// end disables the account of a person who has left although the record is there.
func (f *differ) end(link ident.Link) operation {
	op := operation{}
	op.Class, op.Off = ident.ClassDisable, ident.OffEnded
	op.Reason = f.condition(ident.OffEnded) + " holds"
	if link.MissingSince != nil {
		op.Reason += "; somebody enabled the account after rollcall had disabled it"
	}
	return op
}

// enabling says why an account that rollcall had disabled is enabled; "" when it is not
// to be.
func (f *differ) enabling(key ident.Key, disabled bool, want ident.Desired, link ident.Link) string {
	if !disabled || want.Off != "" {
		return ""
	}
	switch link.Off {
	case ident.OffNotYet:
		return f.condition(link.Off) + " holds now"
	case ident.OffEnded:
		return f.condition(link.Off) + " does not hold any more; rollcall had disabled the account"
	}
	return fmt.Sprintf("back: %s delivers the key %s again; rollcall had disabled the account", f.set.Application, key)
}

// makesNone reports a record for which no account is made, because the person has left
// already.
func (f *differ) makesNone(want ident.Desired) bool {
	if want.Off == ident.OffEnded {
		f.draft.tally.ended++
	}
	return want.Off == ident.OffEnded
}
