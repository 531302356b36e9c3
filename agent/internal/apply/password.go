package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// makeInitial makes a new initial password.
func (j *Job) makeInitial() (write.Initial, error) {
	password, err := write.GeneratePassword(j.Password.Length)
	return write.Initial{Password: password, MustChange: j.Password.MustChange}, err
}

// handedOver returns the password that an orchestration gets when the task has
// made an account; "" when nobody gets it.
func (j *Job) handedOver(t Task) string {
	if !j.Password.Deliver {
		return ""
	}
	return string(t.initial.Password)
}

// passwordUse names what the sealed password of an intent is for.
func passwordUse(in store.Intent) string {
	return fmt.Sprintf("initial password of %s in run %d", ident.Anchor(in.Space(), in.Key), in.Run)
}

// recoverPassword returns the initial password of an account that a run made
// before it was cut off; "" when nobody gets it. A password that the intent does
// not hold, or that cannot be opened any more, is replaced by a new one, and note
// says so. Where that is refused too, the account is recorded all the same: the
// orchestration that lacks its password says what to do.
func (j *Job) recoverPassword(ctx context.Context, in store.Intent, guid ident.GUID) (password, note string, err error) {
	if !operation.MakesAccount(in.Operation.Class) || in.Automation != j.Automation || !j.Password.Deliver {
		return "", "", nil
	}
	failure := errors.New("the run that was cut off handed none over")
	if len(in.Password) > 0 {
		if password, failure = j.Sealer.Open(passwordUse(in), in.Password); failure == nil {
			return password, "", nil
		}
	}
	initial, err := j.makeInitial()
	if err == nil {
		err = j.Writer.RenewInitial(ctx, guid, initial)
	}
	var refused *write.Error
	switch {
	case err == nil:
		j.Log.Warn("a new account got another initial password", "automation", j.Automation, "run", in.Run, "dn", in.DN, "cause", failure)
		return string(initial.Password), "; it got another initial password", nil
	case !errors.As(err, &refused) || refused.Kind == write.Unknown || refused.Kind == write.Unavailable:
		return "", "", fmt.Errorf("give it another initial password: %w", err)
	}
	j.Log.Error("nobody knows the initial password of a new account, and it cannot be replaced", "automation", j.Automation,
		"run", in.Run, "dn", in.DN, "cause", errors.Join(failure, err), "next", "set its password by hand, and tell the person")
	return "", "; nobody knows its initial password: set one by hand", nil
}
