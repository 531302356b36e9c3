package main

import "github.com/rollcall-agent/rollcall/sdk"

func init() {
	sdk.Register(sdk.Connector{Fetch: func(c *sdk.Call) error { return sdk.Pages(c, sdk.Classify) }})
}

func main() {}
