package operation

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// adopt links an account that rollcall did not create, and writes its anchor.
var adopt = kind{
	link: true, holds: valuesHold,
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		if link.Origin == "" {
			link.Origin = ident.OriginAdopted
		}
		stays(link, op)
	},
}
