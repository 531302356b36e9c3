package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// invoke carries out the call's webhook.
func invoke(c *sdk.Call) error {
	w := c.Webhook()
	j := &judge{place: sdk.Place(w.Method, w.Path, w.URL), scopes: w.Scopes, rights: w.Rights, webhook: &w}
	err := sdk.Delivery{Classify: j.classify, Prepare: prepare}.Run(c)
	if err != nil {
		err = settle(c, j, err)
	}
	return j.advise(err)
}

// prepare completes requests that templates cannot complete.
func prepare(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	if req.Method == abi.MethodPost && strings.HasSuffix(req.Path, "/v1/webhooks") {
		return nil, authenticate(c, req)
	}
	return nil, nil
}

// authenticate adds a user name and password for Pipedrive's events, the only
// authentication that Pipedrive offers for them. Templates cannot do this,
// because the password is a secret.
func authenticate(c *sdk.Call, req *sdk.Request) error {
	user := c.Setting("webhook_user")
	if user == "" {
		return nil
	}
	password, err := c.Secret("webhook_password")
	if err != nil {
		return sdk.Errorf(abi.KindConfig, "webhook_user is set, and the secret webhook_password is not: %v", err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(req.Body), &body); err != nil || body == nil {
		return sdk.Errorf(abi.KindConfig, "the body is not a JSON object, so that webhook_user cannot be added")
	}
	body["http_auth_user"], body["http_auth_password"] = user, password
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // the host must find the placeholder unchanged
	if err := enc.Encode(body); err != nil {
		return err
	}
	req.Body = strings.TrimSpace(text.String())
	return nil
}
