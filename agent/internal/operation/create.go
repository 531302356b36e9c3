package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// create makes an account with its anchor. Whether it has happened is found out
// by the anchor, since nobody knows the GUID of the account before.
var create = kind{
	sign: "+", account: true, link: true,
	// The key was delivered for sure, and the account is rollcall's own: nobody
	// else's is at stake.
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		link.Origin = ident.OriginCreated
		link.Unseen = false
		link.Placed = op.To.Parent()
		link.Applied["cn"] = Digest([]string{op.To.Name()})
	},
}
