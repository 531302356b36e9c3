package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// holder puts an application's access token on its requests, and renews the
// token when it has no valid one. renew depends on the kind of grant.
type holder struct {
	settings Settings
	hidden   credential.Hidden
	turn     credential.Turn
	// renew makes now a valid token other than bad ("": any). The caller holds
	// the turn.
	renew func(ctx context.Context, bad string) error

	// Only the holder of the turn may use the fields below.
	now      tokens
	replaced time.Time // when now replaced another token
	refusals credential.Refusals
}

func newHolder(settings Settings) holder {
	return holder{settings: settings, turn: credential.NewTurn(), refusals: credential.Refusals{Pause: pause}}
}

// Apply sets the Authorization header. It gets a new token when there is none or
// it is about to end. A token without an end is used until it is rejected.
func (h *holder) Apply(ctx context.Context, req *http.Request) error {
	t, err := h.fresh(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	return nil
}

// Rejected handles an answer 401 of the application. It gets a new token and
// reports whether the request is worth another try.
func (h *holder) Rejected(ctx context.Context) (bool, error) {
	if err := h.turn.Take(ctx); err != nil {
		return false, err
	}
	defer h.turn.Give()
	if h.settings.now().Sub(h.replaced) < settle {
		return true, nil
	}
	err := h.renew(ctx, h.now.AccessToken)
	return err == nil, err
}

// BaseURL returns where the API lives according to the token; "" when the token
// does not say.
func (h *holder) BaseURL(ctx context.Context) (string, error) {
	if h.settings.BaseURLField == "" {
		return "", nil
	}
	t, err := h.fresh(ctx)
	return h.settings.base(t.BaseURL), err
}

// Granted returns the scopes that the vendor said it granted; none when it did
// not say. It gets a token when there is no valid one.
func (h *holder) Granted(ctx context.Context) ([]string, error) {
	t, err := h.fresh(ctx)
	return t.Scope.list(), err
}

// Redact lists what must not be shown when a server repeats it: the tokens,
// earlier tokens, and the client secret.
func (h *holder) Redact() []string { return h.hidden.List() }

func (h *holder) fresh(ctx context.Context) (tokens, error) {
	if err := h.turn.Take(ctx); err != nil {
		return tokens{}, err
	}
	defer h.turn.Give()
	now := h.settings.now()
	if good(h.now.AccessToken, h.now.Obtained, h.now.Expiry, now) {
		return h.now, nil
	}
	err := h.renew(ctx, "")
	var failed *credential.Error
	if errors.As(err, &failed) && failed.Temporary() && h.now.AccessToken != "" && now.Before(h.now.Expiry) {
		return h.now, nil // the token is still valid for its last minute
	}
	return h.now, err
}
