package write

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Reader is what protection reads from: one domain controller. Its errors are
// *conn.Error with the result code of the server.
type Reader interface {
	Server() conn.Server
	Get(context.Context, conn.Target, []string) (ident.Entry, error)
	// Search calls the function for each object. The function must not use the
	// Reader.
	Search(context.Context, conn.Query, func(ident.Entry) error) error
}

// Directory is the domain controller that a Writer writes to. Each write is
// sent at most once; without an answer its error is conn.ErrOutcomeUnknown.
type Directory interface {
	Reader
	Add(context.Context, ident.DN, map[string][]string) error
	Modify(ctx context.Context, t conn.Target, mods []conn.Mod, permissive bool) error
	ModifyDN(ctx context.Context, dn ident.DN, newRDN string, newParent ident.DN) error
	Delete(context.Context, ident.DN) error
}

var _ Directory = (*conn.Client)(nil)
