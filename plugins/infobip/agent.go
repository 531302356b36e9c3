package main

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// changeAgent completes a change with what the agent has: the request replaces
// the agent as a whole, and without enabled it would enable a disabled one.
func (d *delivery) changeAgent(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, err := members(req.Body)
	if err != nil {
		return nil, err
	}
	resp, err := sdk.Retry(c, sdk.Request{Path: req.Path, URL: req.URL}, d.judge.classify)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	for _, name := range []string{"displayName", "role", "status", "enabled"} {
		if _, given := body[name]; given {
			continue
		}
		raw, err := resp.Get("/" + name)
		if errors.Is(err, abi.CodeNoValue) || string(raw) == "null" {
			return nil, bad(resp, "the answer does not tell %s of the agent, which would be lost", name)
		}
		if err != nil {
			return nil, err
		}
		body[name] = raw
	}
	req.Body = body.text()
	return nil, nil
}

// createAgent wants a name that nobody has before the first attempt. Infobip
// takes no other sign to know an agent by, so only then the one who is found
// before a later attempt is the one that an earlier attempt has made.
func (d *delivery) createAgent(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	if d.judge.repeated {
		return nil, nil
	}
	type named struct {
		ID   string `json:"id"`
		Name string `json:"displayName"`
	}
	var agent named
	if err := json.Unmarshal([]byte(req.Body), &agent); err != nil {
		return nil, refuse("the body is not what Infobip takes for an agent: %v", err)
	}
	look := sdk.Request{Path: req.Path, URL: req.URL, Query: map[string]string{"displayName": agent.Name, "limit": "999"}}
	resp, err := sdk.Retry(c, look, d.judge.classify)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	var list []named
	if !get(resp, "/agents", &list) {
		return nil, bad(resp, "there is no list of agents at /agents")
	}
	for _, one := range list {
		if strings.EqualFold(one.Name, agent.Name) {
			return nil, refuse("there is an agent %s already (id %s), and agents cannot be told apart by anything else. Link the object to that agent if it is the same person, or give the new one another display name", quote(agent.Name), one.ID)
		}
	}
	return nil, nil
}
