package plan

import (
	"maps"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// anchoredEntry returns an account as it will be once its anchor is written.
func anchoredEntry(set *Settings, e ident.Entry, key ident.Key) ident.Entry {
	if set.Anchor == "" {
		return e
	}
	e.Attributes = maps.Clone(e.Attributes)
	e.Attributes.Set(set.Anchor, set.anchorOf(key))
	return e
}

// writeAnchor returns an operation of a class that links an account to a key
// by writing its anchor.
func writeAnchor(set *Settings, class ident.Class, key ident.Key, e ident.Entry, reason string) operation {
	op := operation{Operation: ident.Operation{Class: class, Reason: reason}}
	if set.Anchor != "" {
		anchor := []string{set.anchorOf(key)}
		op.Attributes = []ident.AttributeChange{{Name: set.Anchor, Old: e.Attributes.Values(set.Anchor), New: anchor}}
	}
	return op
}
