package check

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// refresher is implemented by credentials that end if nothing uses them. The time is
// zero when they do not, or when it is not known.
type refresher interface {
	RefreshEnds(ctx context.Context) (time.Time, error)
}

// refreshFinding says when the authorization of an application ends if nothing uses
// it. before is when it would have ended without this check, which may have used it.
func refreshFinding(ctx context.Context, c host.Credentials, before, now time.Time, application string) []abi.Finding {
	r, ends := c.(refresher)
	if !ends {
		return nil
	}
	at, err := r.RefreshEnds(ctx)
	f := abi.Finding{Use: "application", Right: "unused authorization", State: abi.RightGranted}
	switch day := at.UTC().Format(time.DateOnly); {
	case err != nil:
		f.State, f.Reason = Failed, err.Error()
	case at.IsZero():
		return nil
	case !now.Before(at):
		f.State = abi.RightLacking
		f.Reason = fmt.Sprintf("it ended on %s, as nothing used it for so long: `rollcall authorize %s`", day, application)
	case at.Sub(now) <= oauth.RefreshWarning:
		f.State = abi.RightUnknown
		f.Reason = fmt.Sprintf("it ends on %s if nothing uses it until then: any run does, and this check once the access token has ended", day)
	case at.After(before) && !before.IsZero() && before.Sub(now) <= oauth.RefreshWarning:
		f.Reason = fmt.Sprintf("it would have ended on %s, as nothing used it; this check has, and now it ends on %s",
			before.UTC().Format(time.DateOnly), day)
	default:
		f.Reason = "it ends on " + day + " if nothing uses it until then"
	}
	return []abi.Finding{f}
}

// refreshEnds returns when credentials end if nothing uses them; zero when that is
// not known.
func refreshEnds(ctx context.Context, c host.Credentials) time.Time {
	if r, ends := c.(refresher); ends {
		if at, err := r.RefreshEnds(ctx); err == nil {
			return at
		}
	}
	return time.Time{}
}
