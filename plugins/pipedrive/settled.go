package main

import (
	"errors"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// settle looks at a refusal that may mean that everything is already as the
// webhook wants it: what it deletes is gone, what it adds is there. That is no
// failure, as a delivery may come twice. The list that it would change in is
// read to be sure that the refusal is not about that, and becomes the answer.
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

const listCost = 20 // of the dearest list

// settledBy is the path of the list that a refused webhook would have changed
// in; "" when the refusal means something else.
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
