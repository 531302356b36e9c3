package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// enable brings back an account that rollcall had disabled: first
// its state, then its place.
var enable = kind{
	sign: "+", halves: true, inverse: ident.ClassDisable, fate: (*since).ofState,
	holds: func(now ident.Entry, op ident.Operation) bool { return !disabled(now) && placed(now, op) },
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		link.MissingSince, link.Off = nil, ""
		moved(link, op, false)
	},
}
