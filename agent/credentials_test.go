package main

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

// world of environment variables in place of the encrypted store.
func appWith(t *testing.T, env map[string]string) *app {
	t.Helper()
	return &app{
		config:  &config.Config{Agent: config.Agent{StateDir: t.TempDir()}},
		metrics: metrics.New("test", func() float64 { return 0 }),
		secrets: secrets.NewResolver(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, nil),
	}
}

func TestMisfits(t *testing.T) {
	session := abi.AuthProfile{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/token"}}
	good := config.Application{Name: "x", Auth: config.AuthSession, Secrets: map[string]config.SecretRef{"signing_key": reference(t, "@{env:K}")}}
	if got := misfits(good, acme(session)); len(got) > 0 {
		t.Fatalf("what fits is refused: %v", got)
	}
	cases := map[string]struct {
		change func(*config.Application, *abi.Manifest)
		want   string
	}{
		"auth":     {func(c *config.Application, _ *abi.Manifest) { c.Auth = config.AuthBearer }, `does not support auth = "bearer" (it supports: session)`},
		"missing":  {func(c *config.Application, _ *abi.Manifest) { delete(c.Secrets, "signing_key") }, "needs the secret signing_key (Key that signs): refer to it in [applications.x.secrets]"},
		"misspelt": {func(c *config.Application, _ *abi.Manifest) { c.Secrets["pinn"] = reference(t, "@{env:P}") }, `agent.toml:7:3: application x: connector acme has no secret "pinn" (did you mean "pin"?)`},
		"unknown":  {func(c *config.Application, _ *abi.Manifest) { c.Secrets["webhook"] = reference(t, "@{env:P}") }, `has no secret "webhook" (it has: signing_key, pin)`},
		"none":     {func(_ *config.Application, m *abi.Manifest) { m.Secrets = nil }, `has no secret "signing_key" (it has none)`},
		"no base":  {func(_ *config.Application, m *abi.Manifest) { m.BaseURL = "" }, "base_url is missing: connector acme does not know where to log in"},
		"settings": {func(c *config.Application, m *abi.Manifest) {
			c.Settings, m.Settings = map[string]any{"compny": "acme"}, []abi.Setting{{Name: "company", Type: abi.SettingString}}
		}, `connector acme has no setting "compny" (did you mean "company"?)`},
		"setting's type": {func(c *config.Application, m *abi.Manifest) {
			c.Settings, m.Settings = map[string]any{"company": int64(5)}, []abi.Setting{{Name: "company", Type: abi.SettingString}}
		}, "setting company: 5 is not of type string"},
		"setting left out": {func(_ *config.Application, m *abi.Manifest) {
			m.Settings = []abi.Setting{{Name: "company", Type: abi.SettingString, Title: "Company", Required: true}}
		}, "needs the setting company (Company): set it in [applications.x.settings]"},
		"other host": {func(_ *config.Application, m *abi.Manifest) { m.BaseURL = "https://evil.example" }, "the password is not sent there"},
		"other port": {func(_ *config.Application, m *abi.Manifest) { m.BaseURL = "https://api.acme.example:8443" }, "the password is not sent there"},
		"clear text": {func(_ *config.Application, m *abi.Manifest) { m.BaseURL = "http://api.acme.example" }, "the password is not sent there"},
		"absolute": {func(c *config.Application, m *abi.Manifest) {
			c.BaseURL, m.Auth[0].Login.Path, m.Auth[0].Login.URL = "https://own.example", "", "https://own.example:444/login"
		}, "the password is not sent there"},
	}
	for name, tc := range cases {
		conf, m := good, acme(abi.AuthProfile{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/token"}})
		conf.Secrets = map[string]config.SecretRef{"signing_key": reference(t, "@{env:K}")}
		tc.change(&conf, &m)
		got := misfits(conf, m)
		if len(got) != 1 || !strings.Contains(got[0].Error(), tc.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatTheHostIsTold(t *testing.T) {
	a := appWith(t, map[string]string{"K": "the signing key", "T": "the-token-1", "P": "p@ss word"})
	conf := config.Application{
		Name: "x", Auth: config.AuthBearer, Token: reference(t, "@{env:T}"), DailyBudget: 150_000,
		Proxy: "http://me@proxy.example:3128", ProxyPassword: reference(t, "@{env:P}"),
		Secrets: map[string]config.SecretRef{"signing_key": reference(t, "@{env:K}"), "pin": reference(t, "@{env:NOWHERE}")},
	}
	m := acme(abi.AuthProfile{Kind: abi.AuthBearer})
	got, err := a.application(t.Context(), conf, m)
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
	again, err := a.application(t.Context(), conf, m)
	if err != nil || again.Credentials != got.Credentials {
		t.Errorf("two automations of one application do not share its credentials: %v", err)
	}
	m.Auth[0].Name = "other"
	if again, err = a.application(t.Context(), conf, m); err != nil || again.Credentials == got.Credentials {
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
	a := appWith(t, map[string]string{"S": "a-secret-1"})
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
		got, err := a.application(t.Context(), conf, m)
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

func TestEndpointTakesKeyedAndCost(t *testing.T) {
	m := acme()
	m.Endpoints = []abi.Endpoint{{Name: "users", Path: "/users", Key: "/id"}}
	m.Normalize()
	keyed, cost := true, 20
	conf := config.Application{Name: "x", Endpoints: map[string]config.Endpoint{"users": {Keyed: &keyed, Cost: &cost}}}
	got, err := endpointOf(conf, config.DataSource{Endpoints: []string{"users"}}, m, nil)
	if err != nil || !got.Keyed || got.Cost != 20 || got.Endpoint.Path != "/users" {
		t.Errorf("got %+v, %v", got, err)
	}
}
