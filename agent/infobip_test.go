package main

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestEveryWayIntoInfobip gets in with each kind of credentials, and again
// after what was given for them has ended.
func TestEveryWayIntoInfobip(t *testing.T) {
	loaded := infobip(t)
	endpoint, _ := loaded.Manifest().Endpoint("people")
	for _, auth := range []config.Auth{config.AuthAPIKey, config.AuthBasic, config.AuthSession, config.AuthOAuth2} {
		t.Run(string(auth), func(t *testing.T) {
			s := sim.New(sim.Options{Seed: 1, People: 25, Unlimited: true})
			api := httptest.NewServer(s)
			t.Cleanup(api.Close)
			t.Setenv("KEY", "sim-api-key")
			t.Setenv("PASSWORD", "sim-password")
			now := snapshotOf(t, &config.Config{Agent: config.Agent{StateDir: t.TempDir(), ModulesDir: t.TempDir()}}, slog.DiscardHandler)
			key, password := reference(t, "@{env:KEY}"), reference(t, "@{env:PASSWORD}")
			conf := config.Application{Name: "infobip-" + string(auth), Connector: "infobip", Enabled: true, Auth: auth, BaseURL: api.URL}
			switch auth {
			case config.AuthAPIKey:
				conf.APIKey = key
			case config.AuthOAuth2:
				conf.ClientID, conf.ClientSecret, conf.TokenURL = "sim-user", password, api.URL+"/auth/1/oauth2/token"
			default:
				conf.Username, conf.Password = "sim-user", password
			}
			app, err := now.Application(t.Context(), conf, loaded.Manifest())
			if err != nil {
				t.Fatal(err)
			}
			for _, when := range []string{"at first", "after the end of tokens"} {
				people := 0
				_, err = loaded.Fetch(t.Context(), app, abi.FetchCall{Endpoint: endpoint}, func(host.Record) error { people++; return nil })
				if err != nil || people != 25 {
					t.Errorf("%s: %d people, %v", when, people, err)
				}
				if when == "at first" {
					s.ExpireTokens()
				}
			}
			if found, err := loaded.Check(t.Context(), app, []abi.Need{{Use: "endpoint people", Method: "GET", Path: "/people/2/persons", Rights: []string{"people:read", "people:manage"}}}); err != nil || len(found) != 2 || found[1].State != abi.RightGranted {
				t.Errorf("check: %+v, %v", found, err)
			}
		})
	}
}

// infobip loads the connector as it is shipped.
func infobip(t *testing.T) *host.Connector {
	t.Helper()
	cache, err := kept.Folder("agent")
	must(t, err)
	s := host.Settings{ModulesDir: t.TempDir(), CacheDir: cache, AllowUnsigned: true}
	_, err = connector.Build(t.Context(), "../plugins/infobip", filepath.Join(s.ModulesDir, "infobip.wasm"), t.Output())
	must(t, err)
	h, err := host.Open(t.Context(), s, slog.New(slog.DiscardHandler), nil)
	must(t, err)
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	loaded, err := h.Connector("infobip")
	must(t, err)
	return loaded
}
