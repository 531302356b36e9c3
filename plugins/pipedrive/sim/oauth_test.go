package sim

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

func token(t *testing.T, s *Server, form string, header ...string) exchange {
	t.Helper()
	header = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)
	return do(t, s, "POST", "http://127.0.0.1:9490/oauth/token", form, header...)
}

const (
	basic       = "Basic c2ltLWNsaWVudDpzaW0tc2VjcmV0" // sim-client:sim-secret
	inBody      = "&client_id=sim-client&client_secret=sim-secret"
	refreshForm = "grant_type=refresh_token&refresh_token=1:1:sim-refresh"
)

func TestTokenRefusals(t *testing.T) {
	for _, c := range []struct {
		name, form string
		header     []string
		code       string
	}{
		{"JSON body", `{"grant_type":"refresh_token"}`, []string{"Authorization", basic, "Content-Type", "application/json"}, "invalid_request"},
		{"no client", refreshForm, nil, "invalid_client"},
		{"wrong secret", refreshForm, []string{"Authorization", "Basic c2ltLWNsaWVudDp4"}, "invalid_client"},
		{"wrong secret in the body", refreshForm + "&client_id=sim-client&client_secret=x", nil, "invalid_client"},
		{"client twice", refreshForm + inBody, []string{"Authorization", basic}, "invalid_client"},
		{"no grant type", "refresh_token=1:1:sim-refresh", []string{"Authorization", basic}, "invalid_request"},
		{"client credentials", "grant_type=client_credentials", []string{"Authorization", basic}, "unsupported_grant_type"},
		{"password", "grant_type=password&username=a&password=b", []string{"Authorization", basic}, "unsupported_grant_type"},
		{"unknown refresh token", "grant_type=refresh_token&refresh_token=x", []string{"Authorization", basic}, "invalid_grant"},
		{"unknown code", "grant_type=authorization_code&code=x&redirect_uri=y", []string{"Authorization", basic}, "invalid_grant"},
		{"parameter twice", refreshForm + "&grant_type=refresh_token", []string{"Authorization", basic}, "invalid_request"},
	} {
		got := token(t, New(Options{}), c.form, c.header...)
		if got.status != 400 || !strings.HasPrefix(got.body, `{"success":false,"error":"`+c.code+`"`) {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
	}
	if got := do(t, New(Options{}), "GET", "/oauth/token", ""); got.status != 405 {
		t.Errorf("GET: %d", got.status)
	}
}

func answer(t *testing.T, e exchange) tokenAnswer {
	t.Helper()
	var a tokenAnswer
	if err := json.Unmarshal([]byte(e.body), &a); err != nil || e.status != 200 {
		t.Fatalf("%d %s: %v", e.status, e.body, err)
	}
	return a
}

func TestRefreshAndExpiry(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Seed: 1, People: 2, Now: now.Now})
	a := answer(t, token(t, s, refreshForm, "Authorization", basic))
	if a.TokenType != "Bearer" || a.ExpiresIn != 3599 || a.RefreshToken != "1:1:sim-refresh" || a.Scope != "base,users:read" || a.APIDomain != "http://127.0.0.1:9490" {
		t.Errorf("answer %+v", a)
	}
	list := func() int {
		return do(t, s, "GET", "/v1/users", "", "Authorization", "Bearer "+a.AccessToken).status
	}
	if list() != 200 {
		t.Error("a fresh token is refused")
	}
	now.Advance(time.Hour)
	if list() != 401 {
		t.Error("an expired token is accepted")
	}
	now.Advance(59 * 24 * time.Hour)
	a = answer(t, token(t, s, refreshForm+inBody))
	now.Advance(59 * 24 * time.Hour) // each use starts the 60 days again
	answer(t, token(t, s, refreshForm+inBody))
	now.Advance(60 * 24 * time.Hour)
	if got := token(t, s, refreshForm+inBody); got.status != 400 {
		t.Errorf("a refresh token that was not used for 60 days: %d", got.status)
	}
}

func TestRotation(t *testing.T) {
	s := New(Options{Rotate: true})
	a := answer(t, token(t, s, refreshForm+inBody))
	if a.RefreshToken == "1:1:sim-refresh" {
		t.Fatal("not rotated")
	}
	if got := token(t, s, refreshForm+inBody); got.status != 400 {
		t.Errorf("the old refresh token: %d", got.status)
	}
	answer(t, token(t, s, "grant_type=refresh_token&refresh_token="+url.QueryEscape(a.RefreshToken)+inBody))
}

func TestAuthorizationCode(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Now: now.Now, Scopes: []string{"base", "admin"}, APIDomain: "https://example-co.pipedrive.com"})
	form := func(code, redirect string) string {
		return "grant_type=authorization_code&code=" + code + "&redirect_uri=" + url.QueryEscape(redirect) + inBody
	}
	const back = "http://127.0.0.1/callback"
	code := s.IssueCode(back)
	a := answer(t, token(t, s, form(code, back)))
	if a.Scope != "base,admin" || a.APIDomain != "https://example-co.pipedrive.com" {
		t.Errorf("answer %+v", a)
	}
	answer(t, token(t, s, "grant_type=refresh_token&refresh_token="+a.RefreshToken+inBody))
	for name, bad := range map[string]string{
		"used twice":     form(code, back),
		"other redirect": form(s.IssueCode(back), "http://127.0.0.1/other"),
	} {
		if got := token(t, s, bad); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	late := s.IssueCode(back)
	now.Advance(5 * time.Minute)
	if got := token(t, s, form(late, back)); got.status != 400 {
		t.Errorf("expired code: %d", got.status)
	}
}

func TestCredentialsCanBeRevoked(t *testing.T) {
	s := New(Options{})
	bearer := s.IssueAccessToken("base")
	s.ExpireAccessTokens()
	if got := do(t, s, "GET", "/v1/users/me", "", "Authorization", "Bearer "+bearer); got.status != 401 {
		t.Errorf("expired: %d", got.status)
	}
	s.RevokeRefreshTokens()
	if got := token(t, s, refreshForm+inBody); got.status != 400 {
		t.Errorf("revoked: %d", got.status)
	}
	s.SetAPIToken("new")
	if got := get(t, s, "/v1/users/me"); got.status != 401 {
		t.Errorf("replaced API token: %d", got.status)
	}
}
