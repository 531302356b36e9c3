package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Remember returns what a link holds once the operation is applied. For
// create, adopt and link, start from a link with its Application, Key, GUID,
// Automation, Created and Unseen, and for one by hand with its Origin.
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

// moved remembers where an account is put, if it is. Of a leaver it keeps where
// the account was, and what rollcall had chosen for it: a returner who goes back
// there is where somebody wanted the account to be.
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

// stays remembers where an account was when it was linked, when it stays there.
func stays(link *ident.Link, op ident.Operation) {
	if op.OU == "" {
		return
	}
	if link.Placed = op.To.Parent(); !link.Placed.EqualFold(op.OU) {
		link.OU = op.OU
	}
}

// Chosen is what ou named when the place of a linked account was decided.
func Chosen(link ident.Link) ident.DN {
	if link.OU != "" && link.Left == "" {
		return link.OU
	}
	return link.Placed
}
