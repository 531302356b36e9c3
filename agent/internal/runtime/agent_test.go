package runtime

import (
	"log/slog"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
)

// agentWith is an agent that has a configuration and nothing else.
func agentWith(cfg *config.Config, log slog.Handler) *Agent {
	a := &Agent{parts: parts{log: slog.New(log)}}
	a.now.Store(&Snapshot{parts: &a.parts, config: cfg, credentials: &credentials{}})
	return a
}
