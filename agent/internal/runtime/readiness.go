package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/notify"
)

// readiness returns why the agent is not ready, or nil. It checks anew each
// time: a secret that has become readable again needs no restart.
func (a *Agent) readiness(ctx context.Context, loaded <-chan struct{}) func() error {
	return func() error {
		select {
		case <-loaded:
			return errors.Join(a.unreadable(ctx)...)
		default:
			return errors.New("starting: connectors are being loaded")
		}
	}
}

// unreadable lists the secrets that the configuration names and that this
// process cannot read.
func (a *Agent) unreadable(ctx context.Context) []error {
	var wrong []error
	for _, s := range a.Config().NamedSecrets() {
		if _, err := resolve(ctx, a.secrets, s.Ref); err != nil {
			wrong = append(wrong, fmt.Errorf("%w (%s)", err, s.Key))
		}
	}
	return wrong
}

// announce reports in the log and to the service manager that the agent
// serves, and what keeps it from being ready.
func (a *Agent) announce(ctx context.Context) {
	wrong := a.unreadable(ctx)
	for _, err := range wrong {
		a.log.Error("not ready: a secret cannot be read", "cause", err)
	}
	if len(wrong) > 0 {
		notify.Ready("not ready: " + wrong[0].Error())
		a.log.Warn("started, but not ready", "version", a.version, "automations", len(a.now.Load().entries()), "unreadable_secrets", len(wrong))
		return
	}
	notify.Ready("ready")
	a.log.Info("ready", "version", a.version, "automations", len(a.now.Load().entries()))
}
