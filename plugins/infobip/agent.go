package main

import (
	"encoding/json"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
)

// changeAgent completes a change with the agent's current values. The request
// replaces the whole agent, and without enabled it would enable a disabled one.
func (d *delivery) changeAgent(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	return nil, sdk.Complete(c, req, d.judge.classify, "displayName", "role", "status", "enabled")
}

// createAgent refuses a display name that is already in use before the first
// attempt. Infobip accepts no other identifier for an agent, so only a name
// that was free identifies the agent of an earlier attempt when a later one
// looks for it.
func (d *delivery) createAgent(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	if c.Repeated() {
		return nil, nil
	}
	type named struct {
		ID   string `json:"id"`
		Name string `json:"displayName"`
	}
	var agent named
	if err := json.Unmarshal([]byte(req.Body), &agent); err != nil {
		return nil, sdk.Refusef("the body is not what Infobip takes for an agent: %v", err)
	}
	look := sdk.Request{Path: req.Path, URL: req.URL, Query: map[string]string{"displayName": agent.Name, "limit": "999"}}
	resp, err := sdk.Retry(c, look, d.judge.classify)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	var list []named
	if !resp.Decode("/agents", &list) {
		return nil, resp.Bad("there is no list of agents at /agents")
	}
	for _, one := range list {
		if strings.EqualFold(one.Name, agent.Name) {
			return nil, sdk.Refusef("there is an agent %s already (id %s), and agents cannot be told apart by anything else. "+
				"Link the object to that agent if it is the same person, or give the new one another display name", sdk.Quote(agent.Name), one.ID)
		}
	}
	return nil, nil
}
