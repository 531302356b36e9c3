// Command pipedrive is the connector for Pipedrive: it lists the company's
// users and checks the credentials. It is built for WebAssembly and does
// nothing by itself; what it may reach and offers stands in manifest.toml.
//
// It does not change users, map or compare them, and it never sees the
// credentials.
package main

import (
	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func init() { sdk.Register(connector()) }

func main() {}

func connector() sdk.Connector { return sdk.Connector{Fetch: fetch, Check: check} }

// fetch delivers the records of the call's endpoint, all pages of them.
func fetch(c *sdk.Call) error {
	e := c.Endpoint()
	configured, err := sdk.StepOf(e.Repeat)
	if err != nil {
		return err
	}
	j := &judge{place: place(e), scopes: e.Scopes}
	return j.advise(sdk.PagesBy(c, j.classify, follow(configured)))
}

func place(e abi.Endpoint) string {
	if e.URL != "" {
		return e.Method + " " + e.URL
	}
	return e.Method + " " + e.Path
}

const mePath = "/v1/users/me"

// check asks who the credentials belong to.
func check(c *sdk.Call) error {
	j := &judge{place: "GET " + mePath, scopes: []string{"base"}}
	resp, err := sdk.Retry(c, sdk.Request{Path: mePath}, j.classify)
	if err != nil {
		return j.advise(err)
	}
	defer resp.Close()
	domain, err := resp.GetText("/data/company_domain")
	if err != nil {
		return j.advise(err)
	}
	id, err := resp.GetText("/data/id")
	if err == nil && id == "" {
		err = sdk.Errorf(abi.KindBadResponse, "there is no user id at /data/id")
	}
	if err != nil {
		return j.advise(err)
	}
	c.Logf(abi.LevelInfo, "the credentials belong to user %s of company %s", id, quote(domain))
	return nil
}
