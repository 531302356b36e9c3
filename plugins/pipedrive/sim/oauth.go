package sim

import (
	"crypto/rand"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

const maxForm = 1 << 20

// oauthError is the body of a refused token request (RFC 6749 section 5.2 with
// the vendor's success flag). The vendor documents causes, not the JSON.
type oauthError struct {
	Success     bool   `json:"success"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func refuseToken(w http.ResponseWriter, status int, code, text string) {
	simkit.WriteJSON(w, status, oauthError{Error: code, Description: text})
}

// serveToken handles POST /oauth/token.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuseToken(w, http.StatusMethodNotAllowed, "invalid_request", "method not allowed")
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "content type must be application/x-www-form-urlencoded")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "body cannot be read")
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || repeated(form) {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "malformed or repeated parameters")
		return
	}
	if !s.clientValid(r, form) {
		refuseToken(w, http.StatusBadRequest, "invalid_client", "client is invalid")
		return
	}
	s.grant(w, r, form)
}

func repeated(form url.Values) bool {
	for _, v := range form {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// clientValid accepts HTTP Basic or, although discouraged, the credentials in
// the body, but not both (RFC 6749 section 2.3).
func (s *Server) clientValid(r *http.Request, form url.Values) bool {
	id, secret, basic := r.BasicAuth()
	if basic && form.Has("client_secret") {
		return false
	}
	if !basic {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	return same(id, s.opts.ClientID) && same(secret, s.opts.ClientSecret)
}

func (s *Server) grant(w http.ResponseWriter, r *http.Request, form url.Values) {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.opts.Now()
	var scopes []string
	refresh := form.Get("refresh_token")
	switch form.Get("grant_type") {
	case "refresh_token":
		g, ok := t.refresh[refresh]
		if !ok || !now.Before(g.expires) {
			refuseToken(w, http.StatusBadRequest, "invalid_grant", "refresh_token is invalid")
			return
		}
		scopes = g.scopes
		if s.reads("refresh_token", "rotated") {
			delete(t.refresh, refresh)
			refresh = newRefresh()
		}
	case "authorization_code":
		c, ok := t.codes[form.Get("code")]
		delete(t.codes, form.Get("code"))
		if !ok || !now.Before(c.expires) {
			refuseToken(w, http.StatusBadRequest, "invalid_grant", "authorization_code is invalid or expired")
			return
		}
		if form.Get("redirect_uri") != c.redirect {
			refuseToken(w, http.StatusBadRequest, "invalid_grant", "redirect_uri is invalid")
			return
		}
		scopes, refresh = t.opts.Scopes, newRefresh()
	case "":
		refuseToken(w, http.StatusBadRequest, "invalid_request", "grant_type is missing")
		return
	default:
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type is not supported")
		return
	}
	t.refresh[refresh] = grant{scopes: scopes, expires: now.Add(refreshLife)}
	separator := ","
	if s.reads("scope_separator", "space") {
		separator = " "
	}
	simkit.WriteJSON(w, http.StatusOK, tokenAnswer{
		AccessToken: t.issue(scopes), TokenType: s.kit.Readings.Get("token_type"), ExpiresIn: int(t.opts.TokenLife.Seconds()) - 1,
		RefreshToken: refresh, Scope: strings.Join(scopes, separator), APIDomain: s.apiDomain(r),
	})
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	APIDomain    string `json:"api_domain"`
}

func (s *Server) apiDomain(r *http.Request) string {
	if s.opts.APIDomain != "" {
		return s.opts.APIDomain
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func newRefresh() string { return "1:1:" + strings.ToLower(rand.Text()) }
