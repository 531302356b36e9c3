package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// Consent is one question to a person whether rollcall may act for them (RFC
// 6749 section 4.1). A state protects it against forged answers, and PKCE (RFC
// 7636) against stolen codes.
type Consent struct {
	AuthURL     string
	ClientID    string
	RedirectURL string // exactly as it is registered at the vendor
	Scopes      []string
	State       string
	Verifier    string // of PKCE, for Exchange
}

// NewConsent returns a consent with a new random state and verifier.
func NewConsent(authURL, clientID, redirectURL string, scopes []string) Consent {
	return Consent{
		AuthURL: authURL, ClientID: clientID, RedirectURL: redirectURL, Scopes: scopes,
		State: rand.Text(), Verifier: oauth2.GenerateVerifier(),
	}
}

// URL returns the vendor's page on which the person consents.
func (c Consent) URL() string {
	conf := oauth2.Config{ClientID: c.ClientID, RedirectURL: c.RedirectURL, Scopes: c.Scopes, Endpoint: oauth2.Endpoint{AuthURL: c.AuthURL}}
	return conf.AuthCodeURL(c.State, oauth2.S256ChallengeOption(c.Verifier))
}

// ErrNotTheAnswer reports a redirect that does not belong to the question: it
// answers another or an earlier question, or is no redirect at all.
var ErrNotTheAnswer = errors.New("this is not the answer to the question that was asked just now (its state is another)")

// Code returns the code in the query of the redirect. Otherwise it returns
// ErrNotTheAnswer, or the vendor's reason for refusing.
func (c Consent) Code(query url.Values) (string, error) {
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.State)) != 1 {
		return "", ErrNotTheAnswer
	}
	if code := query.Get("error"); code != "" {
		var none credential.Hidden
		text := none.Clean(code)
		if why := query.Get("error_description"); why != "" {
			text += " (" + none.Clean(why) + ")"
		}
		return "", fmt.Errorf("the vendor did not authorize rollcall: %s", text)
	}
	if query.Get("code") == "" {
		return "", errors.New("the vendor's answer has no code")
	}
	return query.Get("code"), nil
}

// Authorized is the result of a consent. The tokens themselves are stored.
type Authorized struct {
	BaseURL   string    `json:"base_url,omitempty"` // where the API lives, if the token says so
	Expiry    time.Time `json:"expiry,omitzero"`    // of the first access token
	Refreshes bool      `json:"refreshes"`          // whether a refresh token came with it
}

// Exchange turns a code into tokens and stores them in place of earlier ones.
func Exchange(ctx context.Context, s Settings, vault Vault, locks Locker, code, verifier, redirectURL string) (Authorized, error) {
	var hidden credential.Hidden
	secret, err := s.secret(ctx, &hidden)
	if err != nil {
		return Authorized{}, err
	}
	hidden.Add(code, verifier)
	unlock, err := locks.Lock(ctx, SecretName(s.Application))
	if err != nil {
		return Authorized{}, fmt.Errorf("tokens of application %s: %w", s.Application, err)
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx) // a code works only once, so its tokens must be stored
	conf := oauth2.Config{ClientID: s.ClientID, ClientSecret: secret, RedirectURL: redirectURL, Endpoint: s.endpoint()}
	answer, err := conf.Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.HTTP), code, oauth2.VerifierOption(verifier))
	if err != nil {
		f := s.judge("exchange the code for tokens", err, &hidden)
		if f.code == invalidGrant {
			f.Text += ": the code has ended or was used, or the redirect URL is not the one that is registered; authorize again"
		}
		return Authorized{}, f.Error
	}
	t := tokens{}.after(answer, s.BaseURLField, s.now())
	if err := save(ctx, vault, s.Application, t); err != nil {
		return Authorized{}, err
	}
	s.tell(t.Expiry)
	return Authorized{BaseURL: s.base(t.BaseURL), Expiry: t.Expiry, Refreshes: t.RefreshToken != ""}, nil
}
