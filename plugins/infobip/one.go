package main

import (
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// one delivers a single record, or none when Infobip has none. A person may
// come alone or as a list of one: the documentation leaves it open.
func one(c *sdk.Call, e abi.Endpoint) error {
	j := &judge{call: c, place: sdk.Place(e.Method, e.Path, e.URL), scopes: e.Scopes}
	resp, err := sdk.Retry(c, sdk.EndpointRequest(e), func(r *sdk.Response) error {
		if nobody(r) {
			return nil
		}
		return j.classify(r)
	})
	if err != nil {
		return j.advise(err)
	}
	defer resp.Close()
	if nobody(resp) {
		return nil
	}
	at := e.Records
	if _, err := resp.Get(at + "/persons"); err == nil && strings.HasSuffix(e.Path, "/persons") {
		at += "/persons"
	}
	if _, err := resp.Emit(at, sdk.EmitOptions{Record: e.Record}); err != nil {
		return j.advise(resp.Errorf(sdk.KindOf(err), "%s: %v", resp.Place(), err))
	}
	return nil
}
