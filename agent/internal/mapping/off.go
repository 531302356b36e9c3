package mapping

import (
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// conditionOff is a condition on the state of an account.
type conditionOff struct {
	off        ident.Off // why the account is disabled
	when       bool      // the truth of expression that says so
	expression *expr.Expression
}

// offConditions compiles the conditions on the state of an account. That somebody has
// left comes first: who never began and has left will not begin any more.
func (b *builder) offConditions(scope expr.Scope) {
	for _, c := range []struct {
		off  ident.Off
		when bool
		src  *expr.Source
	}{{ident.OffEnded, true, b.def.DisableWhen}, {ident.OffNotYet, false, b.def.EnableWhen}} {
		if c.src != nil {
			b.m.off = append(b.m.off, conditionOff{c.off, c.when, keep(b, scope.Compile, *c.src)})
		}
	}
}

// state returns why the account of the record is to be disabled. A condition that cannot
// be evaluated is an error, as nobody can tell then who is to log in.
func (e *evaluation) state() (ident.Off, error) {
	for _, c := range e.m.off {
		is, fault := e.asks(c.expression, string(c.off), string(c.off))
		switch {
		case fault != nil:
			return "", fault
		case is == c.when:
			return c.off, nil
		}
	}
	return "", nil
}

// StateCondition is a condition on the state of an account, evaluated for a record.
type StateCondition struct {
	Off ident.Off // the key of the condition
	Condition
	// Decides says that the account is disabled because of it.
	Decides bool
}

// showState evaluates the conditions on the state of an account. fault says why it cannot
// be decided.
func (e *evaluation) showState() (all []StateCondition, fault *Error) {
	decided := false
	for _, c := range e.m.off {
		one := StateCondition{Off: c.off, Condition: Condition{
			Text: oneLine(c.expression), Pos: c.expression.Source().Pos, Truth: False, Reads: e.reads(c.expression),
		}}
		is, wrong := e.asks(c.expression, string(c.off), string(c.off))
		switch {
		case wrong != nil:
			one.Truth, one.Cause, one.Next = Undecided, wrong.Cause, wrong.Next
			if !decided && fault == nil {
				fault = wrong
			}
		case is:
			one.Truth = True
		}
		one.Decides = wrong == nil && is == c.when && !decided && fault == nil
		decided = decided || one.Decides
		all = append(all, one)
	}
	return all, fault
}

// Off returns the condition that says why an account is disabled, as the configuration
// has it; "" when there is none.
func (m *Mapper) Off(why ident.Off) string {
	for _, c := range m.off {
		if c.off == why {
			return c.expression.Source().Text
		}
	}
	return ""
}

// StateByTime returns the first condition on the state of an account whose truth changes
// with the time alone; "" when there is none.
func (m *Mapper) StateByTime() ident.Off {
	for _, c := range m.off {
		if c.expression.Uses("now") {
			return c.off
		}
	}
	return ""
}

// FixedStates returns the conditions on the state of an account that are the same for
// everybody.
func (m *Mapper) FixedStates() (fixed []ident.Off) {
	for _, c := range m.off {
		if !c.expression.Uses("user") && !c.expression.Uses("endpoints") {
			fixed = append(fixed, c.off)
		}
	}
	return fixed
}
