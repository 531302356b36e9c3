package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestReachNamesEveryHost: whoever reads it knows where requests may go, and
// which hosts get secrets.
func TestReachNamesEveryHost(t *testing.T) {
	m := abi.Manifest{Name: "acme", BaseURL: "https://api.acme.example/v1", Hosts: []string{"*.acme.example"}, Auth: []abi.AuthProfile{
		{Kind: abi.AuthOAuth2, TokenURL: "https://id.acme.example/t", AuthURL: "https://id.acme.example/a"},
		{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/t"}},
		{Name: "other", Kind: abi.AuthSession, Login: &abi.Login{URL: "https://login.acme.example/l", Token: "/t"}},
	}}
	m.Normalize()
	own := config.Application{Connector: "acme", Auth: config.AuthSession, BaseURL: "https://own.example:8443/v1", TokenURL: "http://127.0.0.1:1/t", AuthURL: "https://sso.example/a", Proxy: "http://me@proxy.example:3128"}
	own.Endpoints = map[string]config.Endpoint{"users": {URL: &expr.Source{Text: "https://files.example/users"}}}
	applications := map[string]config.Application{"own": own, "plain": {Connector: "acme"}, "foreign": {Connector: "x", BaseURL: "https://foreign.example"}}
	view := connector.Views([]host.Module{{Manifest: m}}, &config.Config{Applications: applications})[0]
	var b bytes.Buffer
	printModule(&b, view)
	_, after, _ := strings.Cut(b.String(), "\n\nMAY REACH")
	got, _, _ := strings.Cut(after, "\n\n")
	want := `           WITH
*.acme.example      requests
id.acme.example     login: the client's id and secret, for tokens (oauth2)
id.acme.example     login: the page for the consent (oauth2)
api.acme.example    login: user name and password (session)
login.acme.example  login: user name and password (other)
own.example:8443    base_url of application own
127.0.0.1:1         login: token_url of application own
sso.example         login: auth_url of application own
own.example:8443    login: user name and password of application own
proxy.example:3128  proxy of application own
files.example       endpoints of application own`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s\n%s", diff, b.String())
	}
}
