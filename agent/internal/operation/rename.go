package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// rename gives an account another name within its container.
var rename = kind{inverse: ident.ClassRename, holds: placed, fate: (*since).ofPlace}
