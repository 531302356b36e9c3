// Command infobip is the connector for Infobip. It reads people, agents, tags
// and accounts, changes people and agents by webhooks, and checks what the
// credentials allow. It is built for WebAssembly and does nothing by itself;
// manifest.toml lists the hosts that it may reach and what it offers.
//
// It does not map or compare records, and it never sees the credentials.
package main

import (
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func init() { sdk.Register(connector()) }

func main() {}

func connector() sdk.Connector { return sdk.Connector{Fetch: fetch, Invoke: invoke, Check: check} }

// fetch delivers the records of all pages of the call's endpoint.
func fetch(c *sdk.Call) error {
	e := c.Endpoint()
	if e.Single {
		return one(c, e)
	}
	if e.Params["identifier"] != "" || strings.Contains(e.Path+e.URL, "identifier=") {
		return sdk.Errorf(abi.KindConfig, "params: identifier asks for one person, and an endpoint delivers a list."+
			" Take identifier and type away; to read some of the people only use filter, and to read one use the webhook get_person")
	}
	j := &judge{call: c, place: sdk.Place(e.Method, e.Path, e.URL), scopes: e.Scopes}
	if e.Repeat.Style != abi.RepeatPage {
		return j.advise(sdk.Pages(c, j.classify))
	}
	list := sdk.Numbered{Totals: []string{"/totalCount", "/pagination/totalItems"}, Limits: []string{"/limit", "/pagination/limit"}}
	if e.Params["orderBy"] == "createdAt:asc" { // new people come last and shift nobody
		list.Ordered = "/createdAt"
	}
	return j.advise(list.Pages(c, j.classify))
}
