package fit

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
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

func TestMisfits(t *testing.T) {
	session := abi.AuthProfile{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/token"}}
	good := config.Application{Name: "x", Auth: config.AuthSession, Secrets: map[string]config.SecretRef{"signing_key": reference(t, "@{env:K}")}}
	if got := Application(good, acme(session)); len(got) > 0 {
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
		got := Application(conf, m)
		if len(got) != 1 || !strings.Contains(got[0].Error(), tc.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
