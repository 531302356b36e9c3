package fit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestReachesNameEveryHost: a reader of the list knows where requests may go,
// and which hosts get secrets.
func TestReachesNameEveryHost(t *testing.T) {
	m := acme(
		abi.AuthProfile{Kind: abi.AuthOAuth2, TokenURL: "https://id.acme.example/t", AuthURL: "https://id.acme.example/a"},
		abi.AuthProfile{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/t"}},
		abi.AuthProfile{Name: "other", Kind: abi.AuthSession, Login: &abi.Login{URL: "https://login.acme.example/l", Token: "/t"}},
	)
	m.Hosts = []string{"*.acme.example"}
	own := config.Application{
		Connector: "acme", Auth: config.AuthSession, BaseURL: "https://own.example:8443/v1", TokenURL: "http://127.0.0.1:1/t",
		AuthURL: "https://sso.example/a", Proxy: "http://me@proxy.example:3128", Hosts: []string{"pictures.example:8443"},
		Endpoints: map[string]config.Endpoint{
			"users":    {URL: &expr.Source{Text: "https://files.example/users"}},
			"computed": {URL: &expr.Source{Text: "https://{{ settings.host }}/users"}},
		},
	}
	got := Reaches(m, &config.Config{
		Applications: map[string]config.Application{
			"own": own, "plain": {Connector: "acme"}, "foreign": {Connector: "x", BaseURL: "https://foreign.example"},
		},
		Webhooks: map[string]config.Webhook{
			"note":    {Application: "own", URL: &expr.Source{Text: "https://notes.example/n/{{ link.key }}"}},
			"usual":   {Application: "own", Path: &expr.Source{Text: "/x"}},
			"another": {Application: "foreign", URL: &expr.Source{Text: "https://other.example/n"}},
		},
	})
	want := []Reach{
		{"*.acme.example", "requests"},
		{"id.acme.example", "login: the client's id and secret, for tokens (oauth2)"},
		{"id.acme.example", "login: the page for the consent (oauth2)"},
		{"api.acme.example", "login: user name and password (session)"},
		{"login.acme.example", "login: user name and password (other)"},
		{"own.example:8443", "base_url of application own"},
		{"127.0.0.1:1", "login: token_url of application own"},
		{"sso.example", "login: auth_url of application own"},
		{"own.example:8443", "login: user name and password of application own"},
		{"proxy.example:3128", "proxy of application own"},
		{"pictures.example:8443", "hosts of application own"},
		{"files.example", "endpoints of application own"},
		{"notes.example", "webhooks of application own"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
