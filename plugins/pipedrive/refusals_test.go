//go:build !wasip1

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// answersWith gives every request the same answer.
func answersWith(status int, kind, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {kind}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}

// A refusal is reported in the vendor's words and ours.
func TestRefusedWebhooks(t *testing.T) {
	const envelope = `{"success":false,"error":"%","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`
	said := func(text string) string { return strings.ReplaceAll(envelope, "%", text) }
	for _, c := range []struct {
		name, webhook string
		status        int
		body          string
		kind          abi.Kind
		message       []string
	}{
		{"right", "deactivate_user", 403, said("You do not have permissions to do this."), abi.KindForbidden, []string{"PUT /v1/users/2 answered 403", "has access to the account settings", "do not have permissions"}},
		{"right of webhooks", "delete_webhook", 403, `{"success":false,"message":"Forbidden"}`, abi.KindForbidden, []string{"lacks the right", `it says "Forbidden"`, "global admin"}},
		{"scope", "deactivate_user", 403, `{"success":false,"error":"Scope and URL mismatch","errorCode":403}`, abi.KindForbidden, []string{"not granted scope admin", "developer hub"}},
		{"seat", "activate_user", 403, `{"success":false,"error":"No seats","code":"feature_capping_users_limit"}`, abi.KindForbidden, []string{"no room for another one", "feature_capping_users_limit", "No seats", "Free a seat"}},
		{"seat, otherwise", "activate_user", 402, `{"success":false,"error":"No seats","code":"feature_capping_users_limit"}`, abi.KindForbidden, []string{"answered 402", "no room for another one", "Free a seat"}},
		{"permanently deleted, otherwise", "deactivate_user", 400, said("Validation failed: id: is a deleted user"), abi.KindConfig, []string{"answered 400", "deleted permanently"}},
		{"permanently deleted", "deactivate_user", 404, `{"success":false,"error":"User not found or not accessible."}`, abi.KindConfig, []string{"PUT /v1/users/2 answered 404", "not accessible", "deleted permanently", "needs no deactivation"}},
		{"no such contact", "update_person", 404, `{"success":false,"error":"Person not found"}`, abi.KindConfig, []string{"no such contact"}},
		{"nothing said", "get_permission_set", 404, ``, abi.KindConfig, []string{"answered 404", "nothing of that id"}},
		{"by field", "delete_webhook", 400, `{"status":"error","success":false,"errors":{"subscription_url":["is not public","redirects"],"name":"is required","x":[7]}}`, abi.KindConfig, []string{"answered 400", `"name: is required", "subscription_url: is not public", "subscription_url: redirects"`}},
		{"no list by field", "delete_webhook", 400, `{"status":"error","success":false,"errors":"bad"}`, abi.KindConfig, []string{"answered 400"}},
		{"validation", "set_role_setting", 400, said("Validation failed: value: must be 1 or 3"), abi.KindConfig, []string{"answered 400", "value: must be 1 or 3"}},
		{"no success", "deactivate_user", 200, said("company is closed"), abi.KindBadResponse, []string{"answered 200, and success is false", "company is closed"}},
		{"no envelope", "deactivate_user", 200, `{"id":2}`, abi.KindBadResponse, []string{"no boolean at /success"}},
		{"closed", "deactivate_user", 402, said("closed"), abi.KindForbidden, []string{"not open", "subscription"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, sim.Options{})
			s.host.Client.Transport = answersWith(c.status, "application/json", c.body)
			v := group(values{
				"link.key": "2", "settings.webhook_id": "7", "settings.permission_set_id": "x", "settings.role_setting": "x", "settings.role_setting_value": "9",
				"macros.display_name": "x", "ad.mail": "x@example.org",
			})
			_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, c.webhook, v)})
			fails(t, err, c.kind, c.message...)
		})
	}
}

func TestAShieldIsNotReadAsJSON(t *testing.T) {
	for _, body := range []string{`<html>{"success":true}</html>`, `{"success":false,"error":"scope"}`} {
		s := newScene(t, sim.Options{})
		s.host.Client.Transport = answersWith(403, "text/html; charset=UTF-8", body)
		_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "deactivate_user", link("2"))})
		fails(t, err, abi.KindBlocked, "PUT /v1/users/2 answered 403 with an HTML page", "Cloudflare")
	}
}

// answersByMethod returns one answer to a look, and another to the request
// after it.
func answersByMethod(looks []string, status int, post string, seen *[]string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		*seen = append(*seen, r.Method)
		if r.Method == http.MethodPost {
			return answersWith(status, "application/json", post)(r)
		}
		look := looks[0]
		if len(looks) > 1 {
			looks = looks[1:]
		}
		return answersWith(200, "application/json", look)(r)
	}
}

// Somebody invites the user between the look and the invitation.
func TestATakenAddressIsLookedForOnceMore(t *testing.T) {
	const none, there = `{"success":true,"data":[]}`, `{"success":true,"data":[{"id":9,"email":"ADA@example.org"}]}`
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"400": {400, `{"success":false,"error":"Validation failed: email: is already in use"}`},
		"409": {409, `{"success":false,"error":"Conflict"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			s := newScene(t, sim.Options{})
			s.host.Client.Transport = answersByMethod([]string{none, there}, c.status, c.body, &seen)
			a, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "create_user", values{"ad.mail": "ada@example.org"})})
			if err != nil || a.LinkKey != "9" || strings.Join(seen, " ") != "GET POST GET" {
				t.Errorf("link %q, %v, %v", a.LinkKey, seen, err)
			}

			seen = nil
			s.host.Client.Transport = answersByMethod([]string{none}, c.status, c.body, &seen)
			_, err = s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "create_user", values{"ad.mail": "ada@example.org"})})
			fails(t, err, abi.KindConfig, "POST /v1/users answered "+name, "there already, and does not find it")
			if strings.Join(seen, " ") != "GET POST GET POST" {
				t.Errorf("requests %v", seen)
			}
		})
	}
}

func TestAnInvalidAddressIsNotTriedAgain(t *testing.T) {
	var seen []string
	s := newScene(t, sim.Options{})
	s.host.Client.Transport = answersByMethod([]string{`{"success":true,"data":[]}`}, 400, `{"success":false,"error":"Validation failed: email: must be an e-mail address"}`, &seen)
	_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "create_user", values{"ad.mail": "ada"})})
	fails(t, err, abi.KindConfig, "must be an e-mail address")
	if strings.Join(seen, " ") != "GET POST" {
		t.Errorf("requests %v", seen)
	}
}

// Nobody is activated by an invitation.
func TestADeactivatedUserIsLinkedAndLeftAlone(t *testing.T) {
	s := newScene(t, quiet())
	s.call(t, http.MethodPut, "/v1/users/2", `{"active_flag":false}`)
	user, err := s.sim.User(2)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "create_user", values{"ad.mail": strings.ToUpper(user.Email.Value)})})
	if err != nil || a.LinkKey != "2" {
		t.Fatalf("link %q, %v", a.LinkKey, err)
	}
	if !is("/v1/users/2", "active_flag", "false")(t, s, nil) {
		t.Error("the user was activated")
	}
}

func TestSubscriptionsGetTheirPassword(t *testing.T) {
	v := values{"settings.webhook_url": hook}
	bodies := func(t *testing.T, s scene) (body string, err error) {
		t.Helper()
		s.host.Client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				text, err := io.ReadAll(r.Body)
				body = string(text)
				if err != nil {
					t.Error(err)
				}
				return answersWith(201, "application/json", `{"success":true,"status":"ok","data":{"id":5}}`)(r)
			}
			return answersWith(200, "application/json", `{"success":true,"status":"ok","data":[]}`)(r)
		})
		_, err = s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "register_webhook", v)})
		return body, err
	}
	s := newScene(t, sim.Options{})
	if body, err := bodies(t, s); err != nil || strings.Contains(body, "http_auth") {
		t.Errorf("without webhook_user: %s %v", body, err)
	}
	s.host.Settings = map[string]any{"webhook_user": `roll"call`}
	_, err := bodies(t, s)
	fails(t, err, abi.KindConfig, "secret webhook_password is not")

	s.host.Secrets = map[string]string{"webhook_password": "s3cret-word"}
	body, err := bodies(t, s)
	want := `{"event_action":"*","event_object":"user","http_auth_password":"s3cret-word","http_auth_user":"roll\"call","name":"rollcall","subscription_url":"` + hook + `","version":"2.0"}`
	if err != nil || body != want {
		t.Errorf("%s\nwant\n%s\n%v", body, want, err)
	}
}

// The documentation shows a permission set in three forms.
func TestAPermissionSetInEveryForm(t *testing.T) {
	const set = `{"id":"f07d229d","name":"Deals regular user"}`
	for _, body := range []string{set, `{"success":true,"data":` + set + `}`, `{"success":true,"data":[` + set + `]}`} {
		s := newScene(t, sim.Options{})
		s.host.Client.Transport = answers(body)
		a, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, "get_permission_set", values{"settings.permission_set_id": "f07d229d"})})
		if err != nil || string(a.Body) != body {
			t.Errorf("%s: %s, %v", body, a.Body, err)
		}
	}
}
