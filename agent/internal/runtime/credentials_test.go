package runtime

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func acme(kinds ...abi.AuthProfile) abi.Manifest {
	m := abi.Manifest{
		Name: "acme", BaseURL: "https://api.acme.example/v1", Hosts: []string{"api.acme.example"}, Auth: kinds,
		Secrets: []abi.Secret{{Name: "signing_key", Title: "Key that signs", Required: true}, {Name: "pin"}},
	}
	m.Normalize()
	return m
}

func reference(t *testing.T, text string) config.SecretRef {
	t.Helper()
	ref, err := secrets.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return config.SecretRef{Reference: ref, Pos: config.Pos{File: "agent.toml", Line: 7, Column: 3}}
}

// snapshotWith has environment variables in place of the encrypted store.
func snapshotWith(t *testing.T, env map[string]string) *Snapshot {
	t.Helper()
	return &Snapshot{
		config:      &config.Config{},
		credentials: &credentials{},
		parts: &parts{
			version: "dev", stateDir: t.TempDir(),
			metrics: metrics.New("test", func() float64 { return 0 }),
			secrets: secrets.NewResolver(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, nil),
		},
	}
}

func TestWhatTheHostIsTold(t *testing.T) {
	s := snapshotWith(t, map[string]string{"K": "the signing key", "T": "the-token-1", "P": "p@ss word"})
	conf := config.Application{
		Name: "x", Auth: config.AuthBearer, Token: reference(t, "@{env:T}"), DailyBudget: 150_000,
		Proxy: "http://me@proxy.example:3128", ProxyPassword: reference(t, "@{env:P}"),
		Secrets: map[string]config.SecretRef{"signing_key": reference(t, "@{env:K}"), "pin": reference(t, "@{env:NOWHERE}")},
	}
	m := acme(abi.AuthProfile{Kind: abi.AuthBearer})
	got, err := s.Application(t.Context(), conf, m)
	if err != nil {
		t.Fatal(err)
	}
	if got.DailyBudget != 150_000 || got.Proxy != "http://me:p%40ss%20word@proxy.example:3128" {
		t.Errorf("budget %d, proxy %s", got.DailyBudget, got.Proxy)
	}
	if key, err := got.Secrets["signing_key"](t.Context()); err != nil || key != "the signing key" {
		t.Errorf("signing key: %q, %v", key, err)
	}
	if _, err := got.Secrets["pin"](t.Context()); err == nil || !strings.Contains(err.Error(), "agent.toml:7:3: secret @{env:NOWHERE}") {
		t.Errorf("a secret that is not there: %v", err)
	}
	again, err := s.Application(t.Context(), conf, m)
	if err != nil || again.Credentials != got.Credentials {
		t.Errorf("two automations of one application do not share its credentials: %v", err)
	}
	m.Auth[0].Name = "other"
	if again, err = s.Application(t.Context(), conf, m); err != nil || again.Credentials == got.Credentials {
		t.Errorf("another manifest does not make other credentials: %v", err)
	}
}

// TestEachKindOfCredentials: what an application gets, what is redacted, and
// that a token and a login go through the application's proxy.
func TestEachKindOfCredentials(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("User-Agent"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"access_token":"fetched-token","token_type":"Bearer"}`)
	}))
	defer proxy.Close()
	s := snapshotWith(t, map[string]string{"S": "a-secret-1"})
	ref := reference(t, "@{env:S}")
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	base := config.Application{BaseURL: "http://127.0.0.1:1", TokenURL: "http://127.0.0.1:2/t", Proxy: proxy.URL, Username: "me", ClientID: "me", Password: ref, APIKey: ref, Token: ref, ClientSecret: ref}
	cases := []struct {
		auth         config.Auth
		profile      abi.AuthProfile
		header, want string
		asked        string
		redacts      []string
	}{
		{config.AuthBasic, abi.AuthProfile{Kind: abi.AuthBasic}, "Authorization", "Basic " + b64("me:a-secret-1"), "", []string{"a-secret-1", "me:a-secret-1"}},
		{config.AuthAPIKey, abi.AuthProfile{Kind: abi.AuthAPIKey, Header: "x-key", Prefix: "K "}, "X-Key", "K a-secret-1", "", []string{"a-secret-1"}},
		{config.AuthBearer, abi.AuthProfile{Kind: abi.AuthBearer}, "Authorization", "Bearer a-secret-1", "", []string{"a-secret-1"}},
		{config.AuthOAuth2, abi.AuthProfile{Kind: abi.AuthOAuth2, Grant: abi.GrantClientCredentials}, "Authorization", "Bearer fetched-token", "POST http://127.0.0.1:2/t rollcall/dev", []string{"a-secret-1", "fetched-token", b64("me:a-secret-1")}},
		{config.AuthSession, abi.AuthProfile{Kind: abi.AuthSession, Prefix: "Session ", Login: &abi.Login{Path: "/login", Token: "/access_token"}}, "Authorization", "Session fetched-token", "POST http://127.0.0.1:1/login rollcall/dev", []string{"a-secret-1", "fetched-token", b64("me:a-secret-1")}},
	}
	for _, tc := range cases {
		conf := base
		conf.Name, conf.Auth = string(tc.auth), tc.auth
		m := acme(tc.profile)
		m.Secrets = nil
		got, err := s.Application(t.Context(), conf, m)
		if err != nil {
			t.Errorf("%s: %v", tc.auth, err)
			continue
		}
		asked = nil
		req := httptest.NewRequest(http.MethodGet, "https://api.acme.example/", nil)
		if err := got.Credentials.Apply(t.Context(), req); err != nil || req.Header.Get(tc.header) != tc.want {
			t.Errorf("%s: %q, %v", tc.auth, req.Header.Get(tc.header), err)
		}
		if strings.Join(asked, "\n") != tc.asked {
			t.Errorf("%s: through the proxy came %q", tc.auth, asked)
		}
		for _, secret := range tc.redacts {
			if !slices.Contains(got.Credentials.Redact(), secret) {
				t.Errorf("%s: %q is not redacted: %q", tc.auth, secret, got.Credentials.Redact())
			}
		}
	}
}
