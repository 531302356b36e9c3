package plan

import (
	"maps"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// anchoredEntry is an account as its adoption leaves it.
func anchoredEntry(set *Settings, e ident.Entry, key ident.Key) ident.Entry {
	if set.Anchor == "" {
		return e
	}
	e.Attributes = maps.Clone(e.Attributes)
	e.Attributes.Set(set.Anchor, set.anchorOf(key))
	return e
}

// adoption is the operation that links an account of somebody else. The anchor
// that it carries already is no change.
func adoption(set *Settings, key ident.Key, e ident.Entry, reason string) operation {
	op := operation{Operation: ident.Operation{Class: ident.ClassAdopt, Reason: reason}}
	if set.Anchor != "" {
		anchor := []string{set.anchorOf(key)}
		op.Attributes = []ident.AttributeChange{{Name: set.Anchor, Old: e.Attributes.Values(set.Anchor), New: anchor}}
	}
	return op
}
