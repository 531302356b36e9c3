package runtime

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// ledger keeps the host's budgets and pauses in the agent's state.
type ledger struct{ store *store.Store }

var _ host.Ledger = ledger{}

// Load implements host.Ledger.
func (l ledger) Load(ctx context.Context, application string) (string, error) {
	return l.store.LedgerText(ctx, application)
}

// Save implements host.Ledger.
func (l ledger) Save(ctx context.Context, application, text string) error {
	return l.store.SaveLedgerText(ctx, application, text)
}
