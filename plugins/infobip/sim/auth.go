package sim

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// scheme is a form of the Authorization header.
type scheme string

const (
	schemeApp    scheme = "app"
	schemeBasic  scheme = "basic"
	schemeIBSSO  scheme = "ibsso"
	schemeBearer scheme = "bearer"
)

// The scopes of the vendor's API that the simulator's operations require.
const (
	peopleRead          = "people:read"
	peopleManage        = "people:manage"
	conversationsRead   = "conversations:read"
	conversationsManage = "conversations:manage"
	accountManage       = "account-management:manage"
)

// AllScopes lists the scopes that a caller has when the options name none.
func AllScopes() []string {
	return []string{peopleRead, peopleManage, conversationsRead, conversationsManage, accountManage}
}

// authenticate accepts the vendor's four forms of Authorization. It returns the
// form, and the token if it is a session's.
func (s *Server) authenticate(r *http.Request) (form scheme, token string, ok bool) {
	name, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if len(r.Header.Values("Authorization")) != 1 || value == "" || strings.ContainsAny(value, " \t") {
		return "", "", false
	}
	switch {
	case name == "App":
		return schemeApp, "", same(value, s.tokens.key())
	case strings.EqualFold(name, "Basic"):
		user, password, ok := r.BasicAuth()
		return schemeBasic, "", ok && same(user, s.opts.Username) && same(password, s.opts.Password)
	case name == "IBSSO":
		return schemeIBSSO, value, s.tokens.valid(schemeIBSSO, value)
	case strings.EqualFold(name, "Bearer"):
		return schemeBearer, "", s.tokens.valid(schemeBearer, value)
	}
	return "", "", false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// tokens holds the valid credentials and what they allow.
type tokens struct {
	now  func() time.Time
	life time.Duration

	mu     sync.Mutex
	apiKey string
	scopes []string
	issued map[scheme]map[string]time.Time // with their ends
}

func newTokens(o Options) *tokens {
	return &tokens{
		now: o.Now, life: o.TokenLife, apiKey: o.APIKey, scopes: o.Scopes,
		issued: map[scheme]map[string]time.Time{schemeIBSSO: {}, schemeBearer: {}},
	}
}

func (t *tokens) key() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.apiKey
}

func (t *tokens) valid(form scheme, token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.issued[form][token]
	return ok && t.now().Before(until)
}

func (t *tokens) issue(form scheme) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := strings.ToLower(rand.Text())
	t.issued[form][token] = t.now().Add(t.life)
	return token
}

func (t *tokens) end(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.issued[schemeIBSSO], token)
}

// allows reports whether the caller has one of the scopes.
func (t *tokens) allows(scopes []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(t.scopes, scope) })
}

// SetScopes changes what every credential allows; without scopes nothing is
// allowed.
func (s *Server) SetScopes(scopes ...string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.scopes = slices.Clone(scopes)
}

// SetAPIKey replaces the API key; the old one is invalid at once.
func (s *Server) SetAPIKey(value string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.apiKey = value
}

// ExpireTokens ends every session and every access token.
func (s *Server) ExpireTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.issued[schemeIBSSO])
	clear(s.tokens.issued[schemeBearer])
}
