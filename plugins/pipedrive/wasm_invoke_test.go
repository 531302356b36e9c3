//go:build !wasip1

package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// scene lets the helpers of the native tests examine an application's
// simulator.
func (o *outside) scene() scene {
	return scene{sim: o.sim, host: &sdktest.Host{URL: strings.TrimSuffix(o.app.BaseURL, "/api"), Client: http.DefaultClient}}
}

func (o *outside) invoke(t *testing.T, w abi.Webhook) (host.Answer, error) {
	t.Helper()
	return wasm(t).Invoke(t.Context(), o.app, abi.InvokeCall{Webhook: w, Retry: abi.RetryLimits{Attempts: 3, MaxWaitMS: 3000}})
}

// The main ones through the real host, at the company's own host as OAuth
// tells it and at the common one.
func TestWASMOperations(t *testing.T) {
	for _, base := range []string{"", "/api"} {
		for name, op := range operations() {
			switch name {
			case "create_user", "deactivate_user", "create_role", "unassign_role", "add_team_users", "create_person", "update_person", "register_webhook", "get_permission_set":
			default:
				continue
			}
			t.Run(name+base, func(t *testing.T) {
				o := newOutside(t, quiet())
				o.app.BaseURL += base
				s := o.scene()
				v := op.setup(t, s)
				before := s.sizes(t)
				var keys []string
				for range 2 {
					a, err := o.invoke(t, render(t, name, v))
					if err != nil {
						t.Fatal(err)
					}
					keys = append(keys, a.LinkKey)
				}
				op.delivered(t, s, v, before, keys[0])
				if op.key != nil && keys[0] != keys[1] {
					t.Errorf("links %v", keys)
				}
			})
		}
	}
}

func TestWASMSubscriptionsHaveTheirPassword(t *testing.T) {
	o := newOutside(t, quiet())
	const password = `p"\{{x}}<&>wörd`
	o.app.Settings = map[string]any{"webhook_user": "rollcall"}
	o.app.Secrets = map[string]func(context.Context) (string, error){
		"webhook_password": func(context.Context) (string, error) { return password, nil },
	}
	if _, err := o.invoke(t, render(t, "register_webhook", values{"settings.webhook_url": hook})); err != nil {
		t.Fatal(err)
	}
	s := o.scene()
	list, _ := s.call(t, http.MethodGet, "/v1/webhooks", "").([]any)
	if len(list) != 1 || member(list[0], "http_auth_user") != "rollcall" || member(list[0], "http_auth_password") != password {
		t.Errorf("%v", list)
	}
}

// Requests that the API cannot carry out are refused before anything is sent.
func TestWASMRefusesWhatTheAPICannotDo(t *testing.T) {
	for _, c := range manifest(t).Cannot {
		if c.Method == "" {
			continue
		}
		t.Run(c.Operation, func(t *testing.T) {
			o := newOutside(t, quiet())
			w := abi.Webhook{Name: "own", Method: c.Method, Path: strings.ReplaceAll(c.Path, "*", "2")}
			switch {
			case len(c.Only) > 0:
				w.MessageType, w.Body = abi.MessageJSON, `{"`+c.Only[0]+`": 1, "other": 1}`
			case len(c.Fields) > 0:
				w.MessageType, w.Body = abi.MessageJSON, `{"name": "x", "`+c.Fields[0]+`": 1}`
			}
			_, err := o.invoke(t, w)
			var call *host.CallError
			if !errors.As(err, &call) || call.Sent || !strings.Contains(call.Message, c.Reason) {
				t.Errorf("got %v", err)
			}
			if n := len(o.sim.Requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Nothing that the manifest offers is refused.
func TestWASMOffersNothingThatItRefuses(t *testing.T) {
	for name, op := range operations() {
		t.Run(name, func(t *testing.T) {
			o := newOutside(t, quiet())
			if _, err := o.invoke(t, render(t, name, op.setup(t, o.scene()))); err != nil {
				t.Error(err)
			}
		})
	}
}
