package main

import (
	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// delivery is one webhook being carried out.
type delivery struct{ judge *judge }

// invoke carries out the call's webhook.
func invoke(c *sdk.Call) error {
	w := c.Webhook()
	d := &delivery{&judge{
		call: c, place: sdk.Place(w.Method, w.Path, w.URL), scopes: w.Scopes, webhook: &w, taken: c.RetryLimits().Attempts == 1,
	}}
	prepare, safe := d.preparation(w)
	return d.judge.advise(sdk.Delivery{Classify: d.judge.classify, Prepare: prepare, Repeatable: safe}.Run(c))
}

// step prepares an attempt. It changes the request, or returns the answer when
// nothing is left to do.
type step func(*sdk.Call, *sdk.Request) (*sdk.Response, error)

// preparation returns the step that a webhook needs before each attempt; nil
// for most. safe says that the step makes it safe to repeat a request that adds
// data.
func (d *delivery) preparation(w abi.Webhook) (prepare step, safe bool) {
	at := func(method, pattern string) bool { return w.Method == method && abi.MatchPath(pattern, w.Path+w.URL) }
	switch {
	case at(abi.MethodPost, "/people/2/persons") && w.Verify != nil:
		return d.createPerson, true
	case at(abi.MethodPatch, "/people/2/persons"), at(abi.MethodPatch, "/people/2/persons/contactInformation"),
		at(abi.MethodDelete, "/people/2/persons/contactInformation"):
		return d.changePerson, true
	case at(abi.MethodDelete, "/people/2/persons"),
		w.Path != "" && (at(abi.MethodDelete, "/people/2/tags/*") || at(abi.MethodDelete, "/people/2/customAttributes/*")):
		return d.remove, true
	case at(abi.MethodPost, "/people/2/persons/batch"):
		return d.batchCreate, true
	case at(abi.MethodPatch, "/people/2/persons/batch"):
		return d.batchUpdate, true
	case at(abi.MethodPatch, "/people/2/tags/*/persons"), at(abi.MethodDelete, "/people/2/tags/*/persons"):
		return d.tagPersons, true
	case at(abi.MethodPatch, "/people/3/persons/upsert"), at(abi.MethodPut, "/people/3/persons/upsert"):
		return d.upsert, true
	case at(abi.MethodPut, "/ccaas/1/agents/*"):
		return d.changeAgent, true
	case at(abi.MethodPost, "/ccaas/1/agents"):
		return d.createAgent, false
	}
	return nil, false
}
