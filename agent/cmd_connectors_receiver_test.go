package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestPrintReceiver: whoever sets a receiver up learns from this what to give
// and where the application must send.
func TestPrintReceiver(t *testing.T) {
	for name, c := range map[string]struct {
		receiver *abi.Receiver
		want     []string
	}{
		"none": {nil, nil},
		"basic": {
			&abi.Receiver{
				Auth: abi.ReceiverAuth{Kind: abi.ReceiverBasic}, ID: "/meta/id", Time: "/meta/timestamp", Kind: "/meta/action", Key: "/meta/entity_id",
				Records: "/meta/entity", Endpoints: map[string]string{"user": "users"}, Take: []string{"create", "change"}, Ignore: []string{"merge"},
				Expect: map[string]string{"/meta/version": "2.0"}, Subscribe: "register_webhook", Unsubscribe: "delete_webhook",
			},
			[]string{
				"sends to URL/APPLICATION", "authenticates by HTTP Basic: username and password", "id of a delivery /meta/id", "time /meta/timestamp",
				"kind of the change /meta/action", "leads to a run create, change", "is ignored merge", "key /meta/entity_id",
				"/meta/entity user endpoint users", "/meta/version must be 2.0", "subscription webhooks register_webhook and delete_webhook",
			},
		},
		"hmac": {
			&abi.Receiver{Path: "/events", Key: "/id", Endpoint: "people", Auth: abi.ReceiverAuth{
				Kind: abi.ReceiverHMAC, Header: "x-sig", Prefix: "v0=", Timestamp: "x-time", Signed: "{timestamp}{body}", Algorithm: "sha256", Encoding: "hex",
			}},
			[]string{
				"sends to URL/APPLICATION/events", "authenticates by header x-sig: v0=HMAC-SHA256 of {timestamp}{body} by secret, in hex",
				"id of a delivery a digest of the body", "time x-time", "is about endpoint people",
			},
		},
		"header": {
			&abi.Receiver{Key: "/id", Endpoint: "people", Auth: abi.ReceiverAuth{Kind: abi.ReceiverHeader, Header: "x-token", Prefix: "Key "}},
			[]string{"authenticates by header x-token: Key secret", "time -"},
		},
	} {
		var b strings.Builder
		printReceiver(&b, abi.Manifest{Receiver: c.receiver})
		got := strings.Join(strings.Fields(b.String()), " ")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, b.String())
			}
		}
		if c.receiver == nil && got != "" {
			t.Errorf("without a receiver: %s", got)
		}
	}
}
