// Command files is a connector that looks for files, and must not be loaded.
package main

import (
	"os"

	"github.com/rollcall-agent/rollcall/sdk"
)

func init() { sdk.Register(sdk.Connector{Fetch: fetch}) }

func main() {}

func fetch(c *sdk.Call) error {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	_, err = c.EmitRecords(text)
	return err
}
