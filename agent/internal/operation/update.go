package operation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// update writes attributes.
var update = kind{inverse: ident.ClassUpdate, holds: valuesHold, fate: (*since).ofValues}

// valuesHold reports whether every attribute has its new values.
func valuesHold(now ident.Entry, op ident.Operation) bool {
	return !slices.ContainsFunc(op.Attributes, func(ch ident.AttributeChange) bool {
		return !reached(ch, now.Attributes.Values(ch.Name))
	})
}

// reached reports whether an attribute with these values needs no further
// change.
func reached(ch ident.AttributeChange, have []string) bool {
	if !ch.Add {
		return SameValues(ch, have, ch.New)
	}
	have, want := comparable(ch, have), comparable(ch, ch.New)
	return !slices.ContainsFunc(want, func(v string) bool { return !slices.Contains(have, v) })
}

// SameValues reports whether two lists are the same values of the attribute that a
// change is about: byte by byte, and DNs however they are spelled.
func SameValues(ch ident.AttributeChange, a, b []string) bool {
	a, b = comparable(ch, a), comparable(ch, b)
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// ofValues reports whether each attribute still has its old value, or already
// has the new one.
func (s *since) ofValues(i int) (Fate, error) {
	changes, err := s.present(s.change.Operations[i].Attributes)
	if err != nil {
		return Fate{}, err
	}
	all := true
	for k, ch := range changes {
		if !s.Known(ch.Name) {
			all = false
			continue
		}
		have := s.values(ch.Name)
		switch {
		case reached(ch, have):
		case ident.SameValues(text.Lower(ch.Name), comparable(ch, have), comparable(ch, ch.Old)):
			all = false
		case !ident.Follows(ch.Name) && SameValues(ch, have, s.change.Operations[i].Attributes[k].Old):
			all = false // neither the plan nor the mirror has learned of a new name
		default:
			return Fate{Why: fmt.Sprintf("%s has changed since the plan was made: expected %s, found %s",
				ch.Name, said(ch, ch.Old), said(ch, have))}, nil
		}
	}
	if all {
		return AsPlanned, nil
	}
	for _, ch := range changes {
		s.will[text.Lower(ch.Name)] = allValues(ch)
	}
	return Fate{}, nil
}

func (s *since) values(attribute string) []string {
	if values, ok := s.will[text.Lower(attribute)]; ok {
		return values
	}
	return s.entry.Attributes.Values(attribute)
}

func said(ch ident.AttributeChange, values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(ch.Shown(values), ", ")
}
