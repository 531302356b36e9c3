package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// ClientCredentials gets access tokens with nothing but the client's id and
// secret. They live in memory: a new one costs a request, and there is nothing
// that could be lost. It is safe for concurrent use.
type ClientCredentials struct {
	settings Settings
	hidden   credential.Hidden
	turn     credential.Turn

	// What follows belongs to who has the turn.
	now      tokens
	replaced time.Time // when now took the place of another token
	refusals credential.Refusals
}

// NewClientCredentials returns the credentials of one application.
func NewClientCredentials(settings Settings) *ClientCredentials {
	return &ClientCredentials{settings: settings, turn: credential.NewTurn(), refusals: credential.Refusals{Pause: pause}}
}

// Apply sets the Authorization header, with a new token when there is none or
// it is about to end. Without expires_in a token is used until it is rejected.
func (c *ClientCredentials) Apply(ctx context.Context, req *http.Request) error {
	t, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	return nil
}

// Rejected is told that the application answered 401. It gets a new token and
// reports whether the request is worth another try.
func (c *ClientCredentials) Rejected(ctx context.Context) (bool, error) {
	if err := c.turn.Take(ctx); err != nil {
		return false, err
	}
	defer c.turn.Give()
	if c.settings.now().Sub(c.replaced) < settle {
		return true, nil
	}
	err := c.ask(ctx)
	return err == nil, err
}

// BaseURL tells where the token says that the API lives; "" when it does not.
func (c *ClientCredentials) BaseURL(ctx context.Context) (string, error) {
	if c.settings.BaseURLField == "" {
		return "", nil
	}
	t, err := c.fresh(ctx)
	return c.settings.base(t.BaseURL), err
}

// Redact lists the tokens and the client secret.
func (c *ClientCredentials) Redact() []string { return c.hidden.List() }

func (c *ClientCredentials) fresh(ctx context.Context) (tokens, error) {
	if err := c.turn.Take(ctx); err != nil {
		return tokens{}, err
	}
	defer c.turn.Give()
	now := c.settings.now()
	if good(c.now.AccessToken, c.now.Obtained, c.now.Expiry, now) {
		return c.now, nil
	}
	err := c.ask(ctx)
	var failed *credential.Error
	if errors.As(err, &failed) && failed.Temporary() && c.now.AccessToken != "" && now.Before(c.now.Expiry) {
		return c.now, nil
	}
	return c.now, err
}

func (c *ClientCredentials) ask(ctx context.Context) error {
	s := c.settings
	secret, err := s.secret(ctx, &c.hidden)
	if err != nil {
		return err
	}
	if err := c.refusals.Check(s.now(), secret); err != nil {
		return err
	}
	conf := clientcredentials.Config{ClientID: s.ClientID, ClientSecret: secret, TokenURL: s.TokenURL, Scopes: s.Scopes, AuthStyle: s.endpoint().AuthStyle}
	answer, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, s.HTTP))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		f := s.judge("get a token", err, &c.hidden)
		if f.code == invalidGrant || f.code == "unsupported_grant_type" {
			f.Text += "; the connector's manifest says that this application knows grant client_credentials (scopes: " + strings.Join(s.Scopes, " ") + ")"
		}
		c.refusals.Note(s.now(), secret, f.Error)
		return f.Error
	}
	if c.now.AccessToken != "" {
		c.replaced = s.now()
	}
	c.now = c.now.after(answer, s.BaseURLField, s.now())
	c.hidden.Add(c.now.RefreshToken, c.now.AccessToken)
	s.tell(c.now.Expiry)
	return nil
}
