// Command pipedrive is the connector for Pipedrive. It reads the company's
// users, contacts, roles and teams, changes them by webhooks, and checks what
// the credentials allow. It is built for WebAssembly and does nothing by
// itself; manifest.toml lists the hosts that it may reach and what it offers.
//
// It does not map or compare records, and it never sees the credentials.
package main

import (
	"github.com/rollcall-agent/rollcall/sdk"
)

func init() { sdk.Register(connector()) }

func main() {}

func connector() sdk.Connector { return sdk.Connector{Fetch: fetch, Invoke: invoke, Check: check} }

// fetch delivers the records of all pages of the call's endpoint.
func fetch(c *sdk.Call) error {
	e := c.Endpoint()
	configured, err := sdk.StepOf(e.Repeat)
	if err != nil {
		return err
	}
	j := &judge{place: sdk.Place(e.Method, e.Path, e.URL), scopes: e.Scopes, rights: e.Rights}
	if e.ByHost() { // the configuration says itself how the pages go on
		return j.advise(sdk.PagesBy(c, j.classify, configured))
	}
	return j.advise(sdk.PagesBy(c, j.classify, follow(configured)))
}
