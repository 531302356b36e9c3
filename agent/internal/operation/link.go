package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// link restores a link by the anchor that the account carries, or gives a link
// another key and its account the new anchor.
var link = kind{
	link: true, local: true, holds: valuesHold,
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		if op.FormerKey == "" {
			link.Origin = ident.OriginRestored
		} else {
			link.Unseen = false
		}
		stays(link, op)
	},
}
