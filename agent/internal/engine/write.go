package engine

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// write makes the one LDAP change, or the few, of an operation, and returns the
// GUID of the account. Nobody learns an initial password: it is made here and
// forgotten.
func (e *Engine) write(ctx context.Context, r *run, t task) (ident.GUID, error) {
	var initial write.Initial
	if operation.MakesAccount(t.op.Class) {
		password, err := write.GeneratePassword(r.automation.Password.Length)
		if err != nil {
			return "", err
		}
		initial = write.Initial{Password: password, MustChange: r.automation.Password.MustChange}
	}
	return r.writer.Apply(ctx, t.change.GUID, t.op, initial)
}
