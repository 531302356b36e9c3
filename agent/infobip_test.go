package main

import (
	"log/slog"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestEveryWayIntoInfobip gets in with each kind of credentials, and again
// after what was given for them has ended.
func TestEveryWayIntoInfobip(t *testing.T) {
	h, err := modules()
	if err != nil {
		t.Fatal(err)
	}
	connector, err := h.Connector("infobip")
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _ := connector.Manifest().Endpoint("people")
	for _, auth := range []config.Auth{config.AuthAPIKey, config.AuthBasic, config.AuthSession, config.AuthOAuth2} {
		t.Run(string(auth), func(t *testing.T) {
			s := sim.New(sim.Options{Seed: 1, People: 25, Unlimited: true})
			url := served(t)(s)
			t.Setenv("KEY", "sim-api-key")
			t.Setenv("PASSWORD", "sim-password")
			now := snapshotOf(t, &config.Config{Agent: config.Agent{StateDir: t.TempDir(), ModulesDir: t.TempDir()}}, slog.DiscardHandler)
			key, password := reference(t, "@{env:KEY}"), reference(t, "@{env:PASSWORD}")
			conf := config.Application{Name: "infobip-" + string(auth), Connector: "infobip", Enabled: true, Auth: auth, BaseURL: url}
			switch auth {
			case config.AuthAPIKey:
				conf.APIKey = key
			case config.AuthOAuth2:
				conf.ClientID, conf.ClientSecret, conf.TokenURL = "sim-user", password, url+"/auth/1/oauth2/token"
			default:
				conf.Username, conf.Password = "sim-user", password
			}
			app, err := now.Application(t.Context(), conf, connector.Manifest())
			if err != nil {
				t.Fatal(err)
			}
			for _, when := range []string{"at first", "after the end of tokens"} {
				people := 0
				_, err = connector.Fetch(t.Context(), app, abi.FetchCall{Endpoint: endpoint}, func(host.Record) error { people++; return nil })
				if err != nil || people != 25 {
					t.Errorf("%s: %d people, %v", when, people, err)
				}
				if when == "at first" {
					s.ExpireTokens()
				}
			}
			if found, err := connector.Check(t.Context(), app, []abi.Need{{Use: "endpoint people", Method: "GET", Path: "/people/2/persons", Rights: []string{"people:read", "people:manage"}}}); err != nil || len(found) != 2 || found[1].State != abi.RightGranted {
				t.Errorf("check: %+v, %v", found, err)
			}
		})
	}
}
