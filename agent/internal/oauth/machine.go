package oauth

import (
	"context"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ClientCredentials gets access tokens with only the client's id and secret.
// They live in memory: a new one costs only one request, so nothing is lost with
// them. It is safe for concurrent use.
type ClientCredentials struct{ holder }

// NewClientCredentials returns the credentials of one application.
func NewClientCredentials(settings Settings) *ClientCredentials {
	c := &ClientCredentials{newHolder(settings)}
	c.renew = func(ctx context.Context, _ string) error { return c.ask(ctx) }
	return c
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
	conf := clientcredentials.Config{
		ClientID: s.ClientID, ClientSecret: secret, TokenURL: s.TokenURL, Scopes: s.Scopes, AuthStyle: s.endpoint().AuthStyle,
	}
	answer, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, s.HTTP))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		f := s.judge("get a token", err, &c.hidden)
		if f.code == invalidGrant || f.code == "unsupported_grant_type" {
			f.Text += "; the connector's manifest says that this application knows grant client_credentials (scopes: " +
				strings.Join(s.Scopes, " ") + ")"
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
