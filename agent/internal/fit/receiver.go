package fit

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// wrongReceiver checks whether the connector knows what the application sends, and
// whether it is known how to authenticate that.
func wrongReceiver(conf config.Application, m abi.Manifest) []error {
	if !conf.Receiver.Enabled {
		return nil
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: application %s: receiver: %s", conf.Pos, conf.Name, fmt.Sprintf(format, args...))
	}
	if m.Receiver == nil {
		return []error{fail("connector %s %s does not know how its application tells of changes: set enabled = false in [applications.%s.receiver]",
			m.Name, m.Version, conf.Name)}
	}
	given := []struct {
		key        string
		set, needs bool
	}{
		{"username", conf.Receiver.Username != "", m.Receiver.Auth.Kind == abi.ReceiverBasic},
		{"password", !conf.Receiver.Password.IsZero(), m.Receiver.Auth.Kind == abi.ReceiverBasic},
		{"secret", !conf.Receiver.Secret.IsZero(), m.Receiver.Auth.Kind != abi.ReceiverBasic},
	}
	var wrong []error
	for _, one := range given {
		switch {
		case one.needs && !one.set:
			wrong = append(wrong, fail("connector %s authenticates deliveries by %s: set %s in [applications.%s.receiver]",
				m.Name, m.Receiver.Auth.Kind, one.key, conf.Name))
		case one.set && !one.needs:
			wrong = append(wrong, fail("connector %s authenticates deliveries by %s, which takes no %s: remove it from [applications.%s.receiver]",
				m.Name, m.Receiver.Auth.Kind, one.key, conf.Name))
		}
	}
	return wrong
}

// Reads returns the endpoint of the manifest that the automation reads, perhaps
// under another name; "" when only the configuration defines it.
func (f Fitted) Reads() string {
	if f.known == nil {
		return ""
	}
	return f.known.Name
}
