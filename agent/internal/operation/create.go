package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// create makes an account with its anchor. After a crash the anchor shows
// whether it happened, because the GUID is not known before the account
// exists.
var create = kind{
	sign: "+", account: true, link: true,
	// The key was certainly delivered, and the account is rollcall's own, so
	// no other account can be affected.
	remember: func(link *ident.Link, op ident.Operation, at time.Time) {
		if op.Off != "" {
			link.MissingSince, link.Off = &at, op.Off
		}
		link.Origin = ident.OriginCreated
		link.Unseen = false
		link.Placed = op.To.Parent()
		link.Applied["cn"] = Digest([]string{op.To.Name()})
	},
}
