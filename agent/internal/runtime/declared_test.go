package runtime

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestSecretsGoToDeclaredHostsOnly: a token URL or a login of a manifest is no
// reason to send a secret to a host that the manifest does not list, or that is
// none of the public internet. What the configuration names is asked.
func TestSecretsGoToDeclaredHostsOnly(t *testing.T) {
	reached := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"fetched-token","token_type":"Bearer"}`))
	})
	clear, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer clear.Close()
	defer secure.Close()
	s := snapshotWith(t, map[string]string{"S": "a-secret-1"})
	ref := reference(t, "@{env:S}")
	oauth := func(tokenURL string) abi.AuthProfile {
		return abi.AuthProfile{Kind: abi.AuthOAuth2, Grant: abi.GrantClientCredentials, TokenURL: tokenURL}
	}
	session := abi.AuthProfile{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/access_token"}}
	for name, c := range map[string]struct {
		profile abi.AuthProfile
		base    string // of the manifest
		change  func(*config.Application)
		want    string // in the error; "" when the token is fetched
	}{
		"an undeclared loopback address":                {profile: oauth(clear.URL + "/t"), want: "is not one that the connector's manifest or the configuration names"},
		"an undeclared host":                            {profile: oauth("https://evil.example/t"), want: "is not one that"},
		"a declared name of inside":                     {profile: oauth("https://intranet/t"), want: "is not one of the public internet, and the configuration does not name it"},
		"a declared address of inside":                  {profile: oauth("https://169.254.169.254/t"), want: "is not one of the public internet"},
		"a session inside":                              {profile: session, base: "https://intranet", want: "is not one of the public internet"},
		"token_url":                                     {profile: oauth("https://evil.example/t"), change: func(c *config.Application) { c.TokenURL = clear.URL + "/t" }},
		"an endpoint's URL":                             {profile: oauth(clear.URL + "/t"), change: withEndpointAt(clear.URL), want: "is not one that"},
		"base_url":                                      {profile: session, change: func(c *config.Application) { c.BaseURL = clear.URL }},
		"base_url with a certificate that nobody knows": {profile: session, change: func(c *config.Application) { c.BaseURL = secure.URL }, want: "certificate"},
	} {
		m := acme(c.profile)
		m.Secrets, m.Hosts, m.BaseURL = nil, []string{"api.acme.example", "intranet", "169.254.169.254"}, c.base
		conf := config.Application{Name: strings.ReplaceAll(name, " ", "-"), Auth: config.Auth(c.profile.Kind), ClientID: "me", ClientSecret: ref, Username: "me", Password: ref, Proxy: "direct"}
		if c.change != nil {
			c.change(&conf)
		}
		app, err := s.Application(t.Context(), conf, m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		reached = 0
		err = app.Credentials.Apply(t.Context(), httptest.NewRequest(http.MethodGet, "https://api.acme.example/", nil))
		if c.want == "" && (err != nil || reached != 1) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || reached != 0) {
			t.Errorf("%s: %v, reached %d, want %q", name, err, reached, c.want)
		}
	}
}

func withEndpointAt(url string) func(*config.Application) {
	return func(c *config.Application) {
		c.Endpoints = map[string]config.Endpoint{"users": {URL: &expr.Source{Text: url + "/users"}}}
	}
}
