package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// holder puts an application's access token on its requests, and has a new one
// fetched when there is none that is good. Whose grant it is says how.
type holder struct {
	settings Settings
	hidden   credential.Hidden
	turn     credential.Turn
	// renew makes now a token that is good and is not bad ("": any). It is
	// called by who has the turn.
	renew func(ctx context.Context, bad string) error

	// What follows belongs to who has the turn.
	now      tokens
	replaced time.Time // when now took the place of another token
	refusals credential.Refusals
}

func newHolder(settings Settings) holder {
	return holder{settings: settings, turn: credential.NewTurn(), refusals: credential.Refusals{Pause: pause}}
}

// Apply sets the Authorization header, with a new token when there is none or
// it is about to end. A token that does not say when it ends is used until it
// is rejected.
func (h *holder) Apply(ctx context.Context, req *http.Request) error {
	t, err := h.fresh(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	return nil
}

// Rejected is told that the application answered 401. It gets a new token and
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

// BaseURL tells where the token says that the API lives; "" when it does not.
func (h *holder) BaseURL(ctx context.Context) (string, error) {
	if h.settings.BaseURLField == "" {
		return "", nil
	}
	t, err := h.fresh(ctx)
	return h.settings.base(t.BaseURL), err
}

// Granted lists the scopes that the vendor said it has granted; none when it
// did not say. It gets a token when there is none that is good.
func (h *holder) Granted(ctx context.Context) ([]string, error) {
	t, err := h.fresh(ctx)
	return t.Scope.list(), err
}

// Redact lists what must not be seen in anything that a server reflects: the
// tokens, those before them, and the client secret.
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
		return h.now, nil // its last minute is as good as any
	}
	return h.now, err
}
