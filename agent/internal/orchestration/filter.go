package orchestration

import (
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// Filter is a condition about objects of the directory: where of an automation with
// a trigger, or of a command. It is immutable, and safe for concurrent use.
type Filter struct {
	condition *expr.Expression
	o         *Orchestration // for its spelled only
}

// NewFilter returns the filter of a compiled condition over ad, manager, links and
// now, and over old and change where there is a change.
func NewFilter(condition *expr.Expression) *Filter {
	var uses []use
	for _, name := range []string{"ad", "manager", "old"} {
		for _, r := range condition.References(name) {
			uses = append(uses, use{"where", name, r})
		}
	}
	return &Filter{condition, &Orchestration{spelled: spelledIn(nil, uses)}}
}

// Attributes is Attributes of an Orchestration, for what the filter uses.
func (f *Filter) Attributes(object string) (names []string, all bool) { return f.o.Attributes(object) }

// Uses reports whether the filter uses a name, such as links.
func (f *Filter) Uses(name string) bool { return f.condition.Uses(name) }

// Source returns the text of the filter and its place.
func (f *Filter) Source() expr.Source { return f.condition.Source() }

// Holds reports whether an object is in the filter. An error says with its place why
// that cannot be told.
func (f *Filter) Holds(v Values) (bool, error) {
	holds, reason := truth("where", f.condition, f.o.env(Whole, State{}, v))
	if reason != "" {
		return false, errors.New(reason)
	}
	return holds, nil
}
