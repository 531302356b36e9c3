package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// trial returns a request that needs a scope and changes nothing: a writing one
// concerns somebody who cannot exist, and has nothing to write. For an unknown
// scope it returns the zero Request.
func trial(scope string) sdk.Request {
	reads := map[string]string{
		"people:read": personsPath, "conversations:read": "/ccaas/1/agents", "account-management:manage": "/settings/1/accounts",
	}
	if path := reads[scope]; path != "" {
		return sdk.Request{Path: path, Query: map[string]string{"limit": "1"}}
	}
	req := sdk.Request{Body: "{}", Headers: map[string]string{"Content-Type": "application/json"}, Repeatable: true}
	switch scope {
	case "people:manage":
		req.Method, req.Path, req.Query = abi.MethodPatch, personsPath, map[string]string{"type": "EXTERNAL_ID", "identifier": nobodysID()}
	case "conversations:manage":
		req.Method, req.Path = abi.MethodPut, "/ccaas/1/agents/"+nobodysID()
	default:
		return sdk.Request{}
	}
	return req
}

// nobodysID returns an id in the form of agents' ids: 128 bits in capitals.
func nobodysID() string {
	return fmt.Sprintf("%016X%016X", rand.Uint64(), rand.Uint64()) //nolint:gosec // it belongs to nobody, guessable or not
}

// check makes one request for each scope that the configuration needs. Infobip
// has no request that says whose credentials these are.
func check(c *sdk.Call) error {
	tried := map[string]abi.Finding{}
	var list []abi.Finding
	for _, need := range c.Needs() {
		for _, scope := range scopes(need) {
			f, known := tried[scope]
			if !known {
				var err error
				if f, err = try(c, scope); err != nil {
					return err
				}
				tried[scope] = f
			}
			f.Use = need.Use
			list = append(list, f)
		}
	}
	if len(list) > 0 {
		return c.Report(list...)
	}
	f, err := try(c, "people:read")
	if err == nil {
		c.Logf(abi.LevelInfo, "Infobip accepts the credentials; scope %s is %s: %s", f.Right, f.State, f.Reason)
	}
	return err
}

// scopes returns the rights of the manifest or, for the configuration's own
// request, the rights that its path needs.
func scopes(need abi.Need) []string {
	if len(need.Rights) > 0 {
		return need.Rights
	}
	access := "manage"
	if need.Method == "" || need.Method == abi.MethodGet {
		access = "read"
	}
	switch path := need.Path + need.URL; {
	case strings.Contains(path, "/people/"):
		return []string{"people:" + access}
	case strings.Contains(path, "/ccaas/"):
		return []string{"conversations:" + access}
	}
	return nil
}

// try finds out whether the credentials have a scope. It fails when Infobip
// does not accept them, or does not answer.
func try(c *sdk.Call, scope string) (abi.Finding, error) {
	req := trial(scope)
	if req.Path == "" {
		return abi.Finding{
			Right: scope, State: abi.RightUnknown,
			Reason: "rollcall knows no harmless request that needs this scope: look at the API key or the role of the user in the portal",
		}, nil
	}
	j := &judge{call: c, place: sdk.Place(req.Method, req.Path, ""), scopes: []string{scope}}
	f, err := sdk.Try(c, req, scope, "Give the API key the scope in the portal, or the user a role that has it", j.classify, said)
	return f, j.advise(err)
}
