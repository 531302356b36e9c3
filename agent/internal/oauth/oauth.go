// Package oauth gets an application's OAuth 2.0 access tokens. Credentials reads
// the tokens of a consent from the encrypted store, refreshes them (RFC 6749
// section 6) and writes the answer back; several processes may share the store.
// ClientCredentials needs no consent (section 4.4). Consent obtains one (section
// 4.1).
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

// Vault is the encrypted store that holds the tokens.
type Vault interface {
	// Get returns the value of name; false when there is none.
	Get(ctx context.Context, name string) ([]byte, bool, error)
	Set(ctx context.Context, name string, value []byte) error
}

// Locker excludes all other users of the vault, in this process and in others. A
// lock must end when its process does, and never earlier: see FileLocks.
type Locker interface {
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// Settings describes one application's authorization.
type Settings struct {
	Application  string
	TokenURL     string
	ClientID     string
	ClientSecret func(context.Context) (string, error)
	SecretInBody bool     // the client secret goes into the form, not into the Authorization header
	Scopes       []string // asked for by ClientCredentials and Consent
	BaseURLField string   // the field of the token answer that says where the API lives; "" for none
	BasePath     string   // appended to that URL
	HTTP         *http.Client
	Expiry       func(application string, at time.Time) // called whenever a token arrives; may be nil
	Now          func() time.Time                       // nil: time.Now
	// RefreshUnused is after how long without use the vendor ends a refresh token; 0:
	// never, or it is not known. RefreshExpiry is called whenever that moment moves; it
	// may be nil.
	RefreshUnused time.Duration
	RefreshExpiry func(application string, at time.Time)
}

// SecretName returns the name under which an application's tokens are stored.
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

// secret reads the client secret, and hides it in every form in which it is
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

// base returns where the API lives according to a token's base URL.
func (s Settings) base(url string) string {
	if url == "" {
		return ""
	}
	return strings.TrimSuffix(url, "/") + s.BasePath
}

const (
	early = time.Minute // a token this close to its end is renewed before use
	// settle is how long a new token is not replaced after a 401 of the
	// application: such an answer is about the token before it.
	settle = 5 * time.Second
	// pause is the time after a refusal in which the server is not asked again.
	pause = 10 * time.Minute
)

// good reports whether a token can be used for a while. For a short-lived token,
// a quarter of its life is enough.
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
