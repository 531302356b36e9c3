package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestConsentAsksWithStateAndChallenge(t *testing.T) {
	c := NewConsent("https://o.acme.example/authorize?tenant=1", "client", "http://127.0.0.1:8095/callback", []string{"base", "users:read"})
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(c.Verifier))
	for name, want := range map[string]string{
		"tenant": "1", "response_type": "code", "client_id": "client", "redirect_uri": "http://127.0.0.1:8095/callback", "scope": "base users:read",
		"state": c.State, "code_challenge_method": "S256", "code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]),
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if strings.Contains(c.URL(), c.Verifier) {
		t.Error("the verifier is in the URL")
	}
	if other := NewConsent("https://o.acme.example/", "client", "", nil); other.State == c.State || other.Verifier == c.Verifier || len(c.State) < 20 {
		t.Error("state or verifier can be guessed")
	}
}

func TestConsentReadsTheRedirect(t *testing.T) {
	c := NewConsent("https://o.acme.example/", "client", "", nil)
	if code, err := c.Code(url.Values{"state": {c.State}, "code": {"the-code"}}); err != nil || code != "the-code" {
		t.Errorf("got %q, %v", code, err)
	}
	for name, query := range map[string]url.Values{
		"another state": {"state": {"x"}, "code": {"the-code"}}, "no state": {"code": {"the-code"}}, "empty": {},
		"error of another state": {"state": {"x"}, "error": {"access_denied"}},
	} {
		if _, err := c.Code(query); !errors.Is(err, ErrNotTheAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, query := range map[string]url.Values{
		"did not authorize rollcall: access_denied (the user said no)": {"state": {c.State}, "error": {"access_denied"}, "error_description": {"the user\nsaid no"}},
		"has no code": {"state": {c.State}},
	} {
		if _, err := c.Code(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestExchangeProvesWhoAskedAndStores(t *testing.T) {
	consent := NewConsent("https://o.acme.example/", "client", "http://127.0.0.1:8095/callback", nil)
	asked, _ := url.Parse(consent.URL())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("code") != "the-code" || r.FormValue("redirect_uri") != consent.RedirectURL ||
			base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Query().Get("code_challenge") {
			w.WriteHeader(400)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"not %s"}`, r.FormValue("code"))
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"a1","token_type":"Bearer","expires_in":3600,"refresh_token":"r1","api_domain":"https://co.acme.example"}`)
	}))
	defer server.Close()
	s := Settings{
		Application: "acme", TokenURL: server.URL, ClientID: "client", HTTP: client(t), BaseURLField: "api_domain", BasePath: "/api",
		ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
	}
	m, locks := &memory{values: map[string][]byte{"oauth.acme": []byte(`{"refresh_token":"old","refreshing":"2026-01-01T00:00:00Z"}`)}}, FileLocks{Dir: t.TempDir()}
	_, err := Exchange(t.Context(), s, m, locks, "wrong-code", consent.Verifier, consent.RedirectURL)
	if err == nil || !strings.Contains(err.Error(), "refused with invalid_grant (not [secret]): the code has ended") {
		t.Errorf("got %v", err)
	}
	got, err := Exchange(t.Context(), s, m, locks, "the-code", consent.Verifier, consent.RedirectURL)
	if err != nil || got.BaseURL != "https://co.acme.example/api" || !got.Refreshes || got.Expiry.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if header, err := header(t, New(s, m, locks)); err != nil || header != "Bearer a1" {
		t.Errorf("afterwards %q, %v", header, err)
	}
	if text := string(m.values["oauth.acme"]); strings.Contains(text, "refreshing") || strings.Contains(text, "old") {
		t.Errorf("stored: %s", text)
	}
}
