package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/host"
)

// Sealer encrypts texts that the store keeps, each for one use.
type Sealer interface {
	Seal(use, text string) []byte
	Open(use string, sealed []byte) (string, error)
}

// PasswordUse names what the sealed initial password of an instance is for: the
// object with that GUID.
func PasswordUse(guid ident.GUID) string { return "initial password of " + string(guid) }

// callUse names what the sealed call of a delivery is for.
func callUse(delivery int64) string { return fmt.Sprintf("call of delivery %d", delivery) }

const (
	noPassword = "set another password by hand, tell the person, and cancel the orchestration"
	notKept    = "(not kept: the call hands over the initial password)"
	notShown   = "***"
)

// password opens the initial password of an instance for a step that hands it
// over. It is "" for other steps, and when there is none or none any more: then
// the step says so. A *StuckError says that it cannot be opened.
func (d *Dispatcher) password(ctx context.Context, i instance, step int) (string, error) {
	if !i.o.UsesPassword(step) {
		return "", nil
	}
	sealed, err := d.Store.InitialPassword(ctx, i.ID)
	if err != nil || sealed == nil {
		return "", err
	}
	if d.Sealer == nil {
		return "", &StuckError{errors.New("the agent has no key that opens the initial password: " + noPassword)}
	}
	password, err := d.Sealer.Open(PasswordUse(i.GUID), sealed)
	if err != nil {
		return "", &StuckError{fmt.Errorf("%w: %s", err, noPassword)}
	}
	return password, nil
}

// sealed returns a rendered call as it is kept: sealed when it hands over a
// password.
func (d *Dispatcher) sealed(one delivery, call []byte) []byte {
	if !one.handsOver() {
		return call
	}
	return d.Sealer.Seal(callUse(one.ID), string(call))
}

// opened returns what sealed was given.
func (d *Dispatcher) opened(one delivery) ([]byte, error) {
	if !one.handsOver() {
		return one.Call, nil
	}
	text, err := d.Sealer.Open(callUse(one.ID), one.Call)
	return []byte(text), err
}

// handsOver reports whether the call of a delivery holds the initial password.
func (o delivery) handsOver() bool { return o.i.o.UsesPassword(o.i.state.Step) }

// shown returns a call as people may see it. The password is left out by rendering
// once more without it, as a template may have changed it.
func (o delivery) shown(r orchestration.Rendered, v orchestration.Values) string {
	if !o.handsOver() {
		return request(*r.Webhook)
	}
	v.Password = notShown
	without, err := o.i.o.Render(o.i.state.Step, o.i.state, v)
	if err != nil {
		return notKept
	}
	return request(*without.Webhook)
}

// hidden lists what nobody may see of a call.
func (o delivery) hidden(v orchestration.Values) []string {
	return o.i.o.Secrets(o.i.state.Step, o.i.state, v)
}

// without takes secrets out of what people read of a failure.
func (f failure) without(secrets []string) failure {
	f.text, f.next = host.Redact(f.text, secrets...), host.Redact(f.next, secrets...)
	return f
}

// unseen takes secrets out of what a step has to say.
func unseen(done Done, secrets []string) Done {
	if len(secrets) == 0 {
		return done
	}
	for _, text := range []*string{&done.Error, &done.Request, &done.Answer} {
		*text = host.Redact(*text, secrets...)
	}
	return done
}
