package fit

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestReceiverMisfits(t *testing.T) {
	password, secret := reference(t, "@{env:P}"), reference(t, "@{env:S}")
	takes := func(kind abi.ReceiverAuthKind) *abi.Receiver {
		return &abi.Receiver{Auth: abi.ReceiverAuth{Kind: kind}}
	}
	basic := config.ApplicationReceiver{Enabled: true, Username: "u", Password: password}
	signed := config.ApplicationReceiver{Enabled: true, Secret: secret}
	for name, c := range map[string]struct {
		given config.ApplicationReceiver
		takes *abi.Receiver
		want  []string
	}{
		"basic":       {basic, takes(abi.ReceiverBasic), nil},
		"header":      {signed, takes(abi.ReceiverHeader), nil},
		"hmac":        {signed, takes(abi.ReceiverHMAC), nil},
		"not enabled": {config.ApplicationReceiver{Username: "u"}, nil, nil},
		"no receiver": {basic, nil, []string{
			"agent.toml:5:1: application x: receiver: connector acme 1.0.0 does not know how its application tells of changes: " +
				"set enabled = false in [applications.x.receiver]",
		}},
		"nothing given": {config.ApplicationReceiver{Enabled: true}, takes(abi.ReceiverBasic), []string{
			"authenticates deliveries by basic: set username in [applications.x.receiver]", "set password in",
		}},
		"no secret":      {config.ApplicationReceiver{Enabled: true}, takes(abi.ReceiverHMAC), []string{"authenticates deliveries by hmac: set secret in"}},
		"secret instead": {signed, takes(abi.ReceiverBasic), []string{"set username", "set password", "which takes no secret: remove it"}},
		"basic instead":  {basic, takes(abi.ReceiverHeader), []string{"which takes no username", "which takes no password", "set secret"}},
	} {
		conf := config.Application{Name: "x", Auth: config.AuthBasic, Pos: config.Pos{File: "agent.toml", Line: 5, Column: 1}, Receiver: c.given}
		m := abi.Manifest{Name: "acme", Version: "1.0.0", Auth: []abi.AuthProfile{{Kind: abi.AuthBasic}}, Receiver: c.takes}
		got := Receiver(conf, m)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", name, got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i].Error(), want) {
				t.Errorf("%s: %v does not say %s", name, got[i], want)
			}
		}
	}
}
