package operation

import (
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Remember returns the link after the operation is applied. For create, adopt
// and link, start from a link with its Application, Key, GUID, Automation,
// Created and Unseen; for a link by hand, also with its Origin.
func Remember(link ident.Link, op ident.Operation, at time.Time) ident.Link {
	before := link.Applied
	link.Applied = make(map[string]string, len(before)+len(op.Attributes))
	for name, digest := range before {
		link.Applied[name] = digest
	}
	for _, ch := range op.Attributes {
		link.Applied[text.Lower(ch.Name)] = AppliedDigest(ch)
	}
	k := of(op.Class)
	if k.remember != nil {
		k.remember(&link, op, at)
	}
	if k.link {
		link.Delivered = !link.Unseen
	}
	if len(link.Applied) == 0 {
		link.Applied = before
	}
	return link
}

// LeaveOut returns the link that Remember gave for an operation as it is when only part of
// the values were written.
func LeaveOut(link ident.Link, op, part ident.Operation) ident.Link {
	link.Applied = maps.Clone(link.Applied)
	for _, ch := range op.Attributes {
		if !slices.ContainsFunc(part.Attributes, func(p ident.AttributeChange) bool { return text.Same(p.Name, ch.Name) }) {
			delete(link.Applied, text.Lower(ch.Name))
		}
	}
	return link
}

// moved remembers in the link where the operation puts the account, if it
// does. For a leaver it keeps where the account was and which place rollcall
// had chosen for it, so that a returner goes back to where somebody wanted the
// account.
func moved(link *ident.Link, op ident.Operation, leaves bool) {
	if op.To == "" {
		return
	}
	to := op.To.Parent()
	switch {
	case leaves && op.From != "":
		if link.Left == "" {
			link.LeftOU = Chosen(*link)
		}
		link.Left, link.Placed = op.From.Parent(), to
		return
	case link.OU != "" && link.Left.EqualFold(to): // adopted, and back where it was
	case link.LeftOU != "" && link.Left.EqualFold(to):
		to = link.LeftOU
	default:
		link.OU = ""
	}
	link.Placed, link.Left, link.LeftOU = to, "", ""
}

// stays remembers where an account was when it was linked, if it stays there.
func stays(link *ident.Link, op ident.Operation) {
	if op.OU == "" {
		return
	}
	if link.Placed = op.To.Parent(); !link.Placed.EqualFold(op.OU) {
		link.OU = op.OU
	}
}

// Chosen returns the place that ou gave when rollcall decided where a linked
// account belongs.
func Chosen(link ident.Link) ident.DN {
	if link.OU != "" && link.Left == "" {
		return link.OU
	}
	return link.Placed
}
