package engine

import (
	"context"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// addPrimaryGroup puts the primary group among the groups of an account, which
// AD leaves out there.
func addPrimaryGroup(ctx context.Context, r *run, account ident.Entry) error {
	sid := ident.PrimaryGroup(account)
	if sid == "" {
		return nil
	}
	group, err := r.client.Get(ctx, conn.ByDN(ident.DN("<SID="+sid+">")), []string{"cn"})
	if errors.Is(err, conn.ErrNotFound) {
		return nil
	}
	if err == nil {
		account.Attributes["memberof"] = append(account.Attributes["memberof"], string(group.DN))
	}
	return err
}
