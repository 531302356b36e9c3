package sim

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

// caller describes the sender of a request, as shown by the credential.
type caller struct {
	credential string
	oauth      bool
	scopes     []string
}

// authenticate accepts the header x-api-token or a Bearer token. It refuses the
// query parameter api_token of older versions, even beside a header.
func (s *Server) authenticate(r *http.Request) (caller, *problem) {
	unauthorized := &problem{status: http.StatusUnauthorized, text: "unauthorized access", code: http.StatusUnauthorized, short: true}
	if r.URL.Query().Has("api_token") {
		return caller{}, unauthorized
	}
	if token := r.Header.Get("x-api-token"); token != "" {
		if !same(token, s.tokens.api()) {
			return caller{}, unauthorized
		}
		return caller{credential: token}, nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return caller{}, unauthorized
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t") {
		return caller{}, &problem{
			status: http.StatusBadRequest, text: "Invalid request: malformed authorization header", code: http.StatusBadRequest, short: true,
		}
	}
	scopes, ok := s.tokens.access(token)
	if !ok {
		return caller{}, &problem{
			status: http.StatusUnauthorized, text: "Invalid token: access_token is invalid", code: http.StatusUnauthorized, short: true,
		}
	}
	return caller{credential: token, oauth: true, scopes: scopes}, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Lifetimes that the vendor documents.
const (
	refreshLife = 60 * 24 * time.Hour // each use starts it again
	codeLife    = 5 * time.Minute
)

// tokens holds the valid credentials.
type tokens struct {
	opts Options

	mu       sync.Mutex
	apiToken string
	granted  map[string]grant // access tokens
	refresh  map[string]grant
	codes    map[string]code
}

type grant struct {
	scopes  []string
	expires time.Time
}

type code struct {
	redirect string
	expires  time.Time
}

func newTokens(o Options) *tokens {
	return &tokens{
		opts: o, apiToken: o.APIToken,
		granted: map[string]grant{},
		refresh: map[string]grant{o.RefreshToken: {scopes: o.Scopes, expires: o.Now().Add(refreshLife)}},
		codes:   map[string]code{},
	}
}

func (t *tokens) api() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.apiToken
}

// access returns the scopes of an access token, if it is known and not expired.
func (t *tokens) access(token string) ([]string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.granted[token]
	if !ok || !t.opts.Now().Before(g.expires) {
		return nil, false
	}
	return g.scopes, true
}

func (t *tokens) issue(scopes []string) string {
	token := "v1u:" + rand.Text()
	t.granted[token] = grant{scopes: scopes, expires: t.opts.Now().Add(t.opts.TokenLife)}
	return token
}

// IssueAccessToken returns a new access token with these scopes, or with the
// scopes of the options when none are named.
func (s *Server) IssueAccessToken(scopes ...string) string {
	if len(scopes) == 0 {
		scopes = s.opts.Scopes
	}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.issue(scopes)
}

// IssueCode returns an authorization code, as the vendor's consent page sends
// it to redirectURI. It can be used once within 5 minutes.
func (s *Server) IssueCode(redirectURI string) string {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	c := rand.Text()
	s.tokens.codes[c] = code{redirect: redirectURI, expires: s.opts.Now().Add(codeLife)}
	return c
}

// ExpireAccessTokens makes every access token expire.
func (s *Server) ExpireAccessTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.granted)
}

// RevokeRefreshTokens makes every refresh token invalid, as happens when an
// administrator uninstalls the app.
func (s *Server) RevokeRefreshTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.refresh)
}

// SetAPIToken replaces the API token. The vendor gives each user one, and the
// old one is invalid at once.
func (s *Server) SetAPIToken(token string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.apiToken = token
}
