// Package oauth gets an application's OAuth 2.0 access tokens. Credentials
// reads those of a consent from the encrypted store, refreshes them (RFC 6749
// section 6) and writes back what came, also when several processes share the
// store; ClientCredentials needs no consent (section 4.4); Consent obtains one
// (section 4.1).
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// Vault is the encrypted store that tokens live in.
type Vault interface {
	// Get returns the value of name; false when there is none.
	Get(ctx context.Context, name string) ([]byte, bool, error)
	Set(ctx context.Context, name string, value []byte) error
}

// Locker excludes everybody else who shares the vault, in this process and in
// others. A lock must end with the process that holds it, and must never end
// before: see FileLocks.
type Locker interface {
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// Settings describe one application's authorization.
type Settings struct {
	Application  string
	TokenURL     string
	ClientID     string
	ClientSecret func(context.Context) (string, error)
	SecretInBody bool     // the client secret goes into the form instead of the Authorization header
	Scopes       []string // asked for by ClientCredentials and Consent
	BaseURLField string   // the field of the token answer that tells where the API lives; "" for none
	BasePath     string   // appended to that URL
	HTTP         *http.Client
	Expiry       func(application string, at time.Time) // told whenever a token came; may be nil
	Now          func() time.Time                       // nil: time.Now
}

// SecretName is the name under which an application's tokens are stored.
func SecretName(application string) string { return "oauth." + application }

func (s Settings) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s Settings) endpoint() oauth2.Endpoint {
	style := oauth2.AuthStyleInHeader
	if s.SecretInBody {
		style = oauth2.AuthStyleInParams
	}
	return oauth2.Endpoint{TokenURL: s.TokenURL, AuthStyle: style}
}

// secret reads the client secret, and hides it in the forms in which it is
// sent.
func (s Settings) secret(ctx context.Context, hidden *credential.Hidden) (string, error) {
	secret, err := s.ClientSecret(ctx)
	if err != nil {
		return "", &credential.Error{Text: "client secret of application " + s.Application + ": " + err.Error(), Err: err}
	}
	hidden.AddPair(s.ClientID, secret)
	hidden.AddPair(url.QueryEscape(s.ClientID), url.QueryEscape(secret))
	return secret, nil
}

// tell reports when a token ends.
func (s Settings) tell(expiry time.Time) {
	if s.Expiry != nil && !expiry.IsZero() {
		s.Expiry(s.Application, expiry)
	}
}

// base is where the API lives according to a token's base URL.
func (s Settings) base(url string) string {
	if url == "" {
		return ""
	}
	return strings.TrimSuffix(url, "/") + s.BasePath
}

const (
	early = time.Minute // a token this close to its end is renewed first
	// settle is how long a token that has replaced another is not replaced
	// itself when the application answers 401: the answer is about the other.
	settle = 5 * time.Second
	// pause follows a refusal: asking again would not change it.
	pause = 10 * time.Minute
)

// good reports whether a token can be used for a while. Of one that lives
// shortly, a quarter of its life is enough.
func good(token string, obtained, expiry, now time.Time) bool {
	if token == "" {
		return false
	}
	margin := early
	if !obtained.IsZero() {
		margin = min(margin, expiry.Sub(obtained)/4)
	}
	return expiry.IsZero() || expiry.Sub(now) > margin
}
