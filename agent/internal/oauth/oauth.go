// Package oauth keeps an application's OAuth 2.0 tokens: it reads them from
// the encrypted store, refreshes them (RFC 6749 section 6) and writes back
// what came. It does not obtain a consent.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Vault is the encrypted store that tokens live in.
type Vault interface {
	// Get returns the value of name; false when there is none.
	Get(ctx context.Context, name string) ([]byte, bool, error)
	Set(ctx context.Context, name string, value []byte) error
}

// Settings describe one application's authorization.
type Settings struct {
	Application  string
	TokenURL     string
	ClientID     string
	ClientSecret func(context.Context) (string, error)
	SecretInBody bool   // the client secret goes into the form instead of the Authorization header
	BaseURLField string // the field of the token answer that tells where the API lives; "" for none
	BasePath     string // appended to that URL
	HTTP         *http.Client
	Expiry       func(application string, at time.Time) // told whenever a token is stored; may be nil
}

// SecretName is the name under which an application's tokens are stored.
func SecretName(application string) string { return "oauth." + application }

// tokens is the stored form. It accepts a token answer as the vendor sent it
// (RFC 6749 section 5.1), and one that holds only a refresh token.
type tokens struct {
	AccessToken  string    `json:"access_token,omitempty"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry,omitzero"`
	BaseURL      string    `json:"base_url,omitempty"`
}

// Credentials puts an application's access token on its requests. It is safe
// for concurrent use; concurrent refreshes become one.
type Credentials struct {
	settings Settings
	vault    Vault

	mu     sync.Mutex
	loaded bool
	now    tokens
}

// New returns the credentials of one application.
func New(settings Settings, vault Vault) *Credentials {
	return &Credentials{settings: settings, vault: vault}
}

// Apply sets the Authorization header, refreshing the token when it has
// expired or is about to.
func (c *Credentials) Apply(ctx context.Context, req *http.Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fresh(ctx); err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.now.AccessToken)
	return nil
}

// Rejected is told that the application answered 401. It refreshes the token
// and reports whether the request is worth another try.
func (c *Credentials) Rejected(ctx context.Context) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.AccessToken = ""
	return true, c.fresh(ctx)
}

// BaseURL tells where the token says that the API lives; "" when it does not.
func (c *Credentials) BaseURL(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fresh(ctx); err != nil {
		return "", err
	}
	if c.now.BaseURL == "" {
		return "", nil
	}
	return strings.TrimSuffix(c.now.BaseURL, "/") + c.settings.BasePath, nil
}

// Redact lists what must not be seen in anything that a server reflects.
func (c *Credentials) Redact() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var secrets []string
	for _, s := range []string{c.now.AccessToken, c.now.RefreshToken} {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

const early = time.Minute // a token this close to its end is refreshed first

func (c *Credentials) fresh(ctx context.Context) error {
	if !c.loaded {
		if err := c.load(ctx); err != nil {
			return err
		}
	}
	if c.now.AccessToken != "" && (c.now.Expiry.IsZero() || time.Until(c.now.Expiry) > early) {
		return nil
	}
	return c.refresh(ctx)
}

func (c *Credentials) load(ctx context.Context) error {
	name := SecretName(c.settings.Application)
	body, ok, err := c.vault.Get(ctx, name)
	if err != nil {
		return fmt.Errorf("read tokens of application %s: %w", c.settings.Application, err)
	}
	if !ok {
		return fmt.Errorf("application %s is not authorized yet: store its tokens with `rollcall secret set %s` (the token answer as JSON, or {\"refresh_token\": \"...\"})", c.settings.Application, name)
	}
	if err := json.Unmarshal(body, &c.now); err != nil {
		return fmt.Errorf("secret %s is not the JSON of a token answer: store it again with `rollcall secret set %s`", name, name)
	}
	if c.now.BaseURL == "" && c.settings.BaseURLField != "" {
		var fields map[string]any
		_ = json.Unmarshal(body, &fields) // it was valid JSON a moment ago
		c.now.BaseURL, _ = fields[c.settings.BaseURLField].(string)
	}
	c.loaded = true
	return nil
}

func (c *Credentials) refresh(ctx context.Context) error {
	s := c.settings
	if c.now.RefreshToken == "" {
		return fmt.Errorf("the access token of application %s has ended and there is no refresh token: store new tokens with `rollcall secret set %s`", s.Application, SecretName(s.Application))
	}
	secret, err := s.ClientSecret(ctx)
	if err != nil {
		return fmt.Errorf("client secret of application %s: %w", s.Application, err)
	}
	style := oauth2.AuthStyleInHeader
	if s.SecretInBody {
		style = oauth2.AuthStyleInParams
	}
	conf := oauth2.Config{ClientID: s.ClientID, ClientSecret: secret, Endpoint: oauth2.Endpoint{TokenURL: s.TokenURL, AuthStyle: style}}
	token, err := conf.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, s.HTTP), &oauth2.Token{RefreshToken: c.now.RefreshToken}).Token()
	if err != nil {
		return refreshError(s, err)
	}
	c.now.AccessToken, c.now.Expiry = token.AccessToken, token.Expiry
	if token.RefreshToken != "" {
		c.now.RefreshToken = token.RefreshToken
	}
	if base, ok := token.Extra(s.BaseURLField).(string); ok && base != "" {
		c.now.BaseURL = base
	}
	return c.save(ctx)
}

// save writes the tokens before they are used: a rotated refresh token that
// is lost locks the application out.
func (c *Credentials) save(ctx context.Context) error {
	body, err := json.Marshal(c.now)
	if err != nil {
		return fmt.Errorf("encode tokens of application %s: %w", c.settings.Application, err)
	}
	if err := c.vault.Set(context.WithoutCancel(ctx), SecretName(c.settings.Application), body); err != nil {
		return fmt.Errorf("store tokens of application %s: %w", c.settings.Application, err)
	}
	if c.settings.Expiry != nil && !c.now.Expiry.IsZero() {
		c.settings.Expiry(c.settings.Application, c.now.Expiry)
	}
	return nil
}

// refreshError keeps the server's words and leaves out the body, which may
// hold a token.
func refreshError(s Settings, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		reason := refused.ErrorCode
		if reason == "" {
			reason = refused.Response.Status
		}
		if refused.ErrorDescription != "" {
			reason += " (" + refused.ErrorDescription + ")"
		}
		return fmt.Errorf("refresh the token of application %s at %s: refused with %s: check client_id and client_secret, or authorize again and store new tokens with `rollcall secret set %s`",
			s.Application, s.TokenURL, reason, SecretName(s.Application))
	}
	return fmt.Errorf("refresh the token of application %s: %w", s.Application, err)
}
