package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// RefreshWarning is how long before the end of an unused refresh token people are
// told.
const RefreshWarning = 7 * 24 * time.Hour

// RefreshEnds returns when an application's refresh token ends if nothing uses it:
// unused after it was used last, or consented to. It is zero when that is not known:
// there is no refresh token, or it was stored by hand and not used since. It uses no
// token.
func RefreshEnds(ctx context.Context, v Vault, application string, unused time.Duration) (time.Time, error) {
	if unused <= 0 {
		return time.Time{}, nil
	}
	body, ok, err := v.Get(ctx, SecretName(application))
	if err != nil {
		return time.Time{}, fmt.Errorf("read tokens of application %s: %w", application, err)
	}
	var t tokens
	if !ok || json.Unmarshal(body, &t) != nil { // one that cannot be read is an error where it is used
		return time.Time{}, nil
	}
	return t.refreshEnds(unused), nil
}

func (t tokens) refreshEnds(unused time.Duration) time.Time {
	if unused <= 0 || t.RefreshToken == "" || t.Obtained.IsZero() {
		return time.Time{}
	}
	return t.Obtained.Add(unused)
}

// RefreshEnds is RefreshEnds for the application of the credentials.
func (c *Credentials) RefreshEnds(ctx context.Context) (time.Time, error) {
	return RefreshEnds(ctx, c.vault, c.settings.Application, c.settings.RefreshUnused)
}
