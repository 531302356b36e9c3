package abi_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestThePageListsTheManifest compares the tables of docs/write-a-connector.md
// with the keys of a manifest, in their order.
func TestThePageListsTheManifest(t *testing.T) {
	b, err := os.ReadFile("../../docs/write-a-connector.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, of := range map[string]any{
		"## The manifest": abi.Manifest{}, "### `[budget]`": abi.Budget{}, "### `[[settings]]`": abi.Setting{},
		"### `[[secrets]]`": abi.Secret{}, "### `[[auth]]`": abi.AuthProfile{}, "### `[auth.login]`": abi.Login{},
		"### `[[endpoints]]`": abi.Endpoint{}, "### `one`": abi.One{}, "### `repeat`": abi.Repeat{}, "### `[[webhooks]]`": abi.Webhook{},
		"### `verify`": abi.Verify{}, "### `[[attributes]]`": abi.Attribute{}, "### `[[cannot]]`": abi.Limitation{}, "### `[[rates]]`": abi.Rate{},
		"### `[[macros]]`": abi.Macro{}, "### `[receiver]`": abi.Receiver{}, "### `[receiver.auth]`": abi.ReceiverAuth{},
		"### `[receiver.subscription]`": abi.Subscription{},
	} {
		_, section, found := strings.Cut(string(b), "\n"+heading+"\n")
		section, _, _ = strings.Cut(section, "\n##")
		var have, want []string
		for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
			have = append(have, m[1])
		}
		for f := range reflect.TypeOf(of).NumField() {
			if key := reflect.TypeOf(of).Field(f).Tag.Get("toml"); key != "-" {
				want = append(want, key)
			}
		}
		if !found || !slices.Equal(have, want) {
			t.Errorf("%s lists %q, and a manifest has %q", heading, have, want)
		}
	}
}
