package main

import (
	"errors"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// settle examines a refusal that may mean that nothing is left to do: the
// object to delete is gone, or the object to add exists. That is no failure,
// because a delivery may happen twice. To make sure that the refusal has no
// other cause, settle reads the list that the webhook would have changed, and
// responds with it.
func settle(c *sdk.Call, j *judge, refused error) error {
	path := settledBy(*j.webhook, refused)
	if path == "" {
		return refused
	}
	resp, err := sdk.Retry(c, sdk.Request{Path: path, Query: map[string]string{"limit": "1"}, Cost: listCost}, j.classify)
	if err != nil {
		c.Logf(abi.LevelInfo, "%v: reading GET %s to see whether there is nothing to do: %v", refused, path, err)
		return refused
	}
	defer resp.Close()
	c.Logf(abi.LevelInfo, "there is nothing to do: %v", refused)
	return resp.Respond()
}

const listCost = 20 // tokens of the most expensive list

// settledBy returns the path of the list that a refused webhook would have
// changed; "" when the refusal means something else.
func settledBy(w abi.Webhook, refused error) string {
	var e *sdk.Error
	if !errors.As(refused, &e) || w.Path == "" || !w.Repeatable {
		return ""
	}
	missing := isMissing(e.Status, e.Message)
	switch {
	case w.Method == abi.MethodDelete && missing && w.Body == "":
		return w.Path[:strings.LastIndexByte(w.Path, '/')]
	case w.Method == abi.MethodDelete && missing, w.Method == abi.MethodPost && isThere(e.Status, e.Message):
		return w.Path
	}
	return ""
}
