package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// isAnchorAttribute reports whether an attribute is the one that carries anchors.
func (set *Settings) isAnchorAttribute(attribute string) bool {
	return set.Anchor != "" && text.Same(attribute, set.Anchor)
}

// badAnchor says why the anchor attribute cannot hold the anchor of a key, and
// what to do about it; "" when it can. After a loss of the state an account is
// found by its anchor alone.
func (set *Settings) badAnchor(key ident.Key) (cause, next string) {
	if set.Anchor == "" {
		return "", ""
	}
	cause, _ = set.Schema.Rule(set.Anchor).Refuses([]string{set.anchorOf(key)}, false)
	if cause == "" {
		return "", ""
	}
	next = "choose another attribute for anchor in [directory]"
	if !text.Same(set.Anchor, "employeeNumber") {
		next += ": employeeNumber holds 512 characters"
	}
	return fmt.Sprintf("the anchor does not fit into %s: %s", set.Anchor, cause), next
}

// anchorOf is the value of the anchor attribute of the record's account.
func (set *Settings) anchorOf(key ident.Key) string { return ident.Anchor(set.Application, key) }

// isAnchor reports whether a value ties an account to a key of any application.
func isAnchor(value string) bool {
	_, key, ok := ident.ParseAnchor(value)
	return ok && key != ""
}
