package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// isAnchorAttribute reports whether an attribute is the configured anchor.
func (set *Settings) isAnchorAttribute(attribute string) bool {
	return set.Anchor != "" && text.Same(attribute, set.Anchor)
}

// badAnchor says why the anchor attribute cannot hold the anchor of a key, and
// what to do about it; "" if it can. The anchor must fit, because after a loss
// of the state it is the only way to find the account.
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

// anchorOf returns the anchor of a key: the value that the account's anchor
// attribute is to have.
func (set *Settings) anchorOf(key ident.Key) string { return ident.Anchor(set.Space(), key) }

// isAnchor reports whether a value links an account to a key of any
// application.
func isAnchor(value string) bool {
	_, key, ok := ident.ParseAnchor(value)
	return ok && key != ""
}
