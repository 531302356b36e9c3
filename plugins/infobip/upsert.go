package main

import (
	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// upsert makes a request of version 3 safe to repeat. What its PATCH does with
// the tags and contacts of a person who is there is not documented: it may add
// them, or put them in place of the others.
func (d *delivery) upsert(_ *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	_, list, err := batch(req.Body, "persons")
	if err != nil {
		return nil, err
	}
	d.judge.sent = list
	for i, item := range list {
		var external string
		if there, err := item.inner("externalId", &external); err != nil {
			return nil, err
		} else if !there || external == "" {
			return nil, refuse("person %d has no externalId, by which the person is found again when the request is repeated", i)
		}
		if req.Method == abi.MethodPatch && adds(item) {
			return nil, refuse("person %d has tags or contactInformation, and Infobip's documentation does not say whether PATCH /people/3/persons/upsert adds them or replaces those that are there."+
				" Use PATCH /people/2/persons/batch (batch_update), which adds what is missing, or PUT /people/3/persons/upsert (upsert_people_whole), which replaces all", i)
		}
	}
	return nil, nil
}
