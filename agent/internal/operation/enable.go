package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// enable brings an account back that rollcall had disabled as missing, to its
// state and then to its place.
var enable = kind{
	sign: "+", halves: true, inverse: ident.ClassDisable, fate: (*since).ofState,
	holds: func(now ident.Entry, op ident.Operation) bool { return !disabled(now) && placed(now, op) },
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		link.MissingSince = nil
		moved(link, op, false)
	},
}
