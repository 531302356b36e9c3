package fit

import (
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Receiver checks whether the connector knows what the application sends, and
// whether it is known how to authenticate that. Runs by the schedule do without, so
// it is no part of Application.
func Receiver(conf config.Application, m abi.Manifest) []error {
	if !conf.Receiver.Enabled {
		return nil
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: application %s: receiver: %s", conf.Pos, conf.Name, fmt.Sprintf(format, args...))
	}
	if m.Receiver == nil {
		return []error{fail("connector %s %s does not know how its application tells of changes: "+
			"set enabled = false in [applications.%s.receiver]",
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

// Reads returns the endpoint of the manifest that an automation reads, perhaps
// under another name; "" when only the configuration defines it, or nobody does.
func Reads(cfg *config.Config, automation string, m abi.Manifest, now time.Time) string {
	data := cfg.DataSources[cfg.Automations[automation].DataSource]
	app := cfg.Applications[data.Application]
	called, err := endpointOf(cfg, app, data, data.Endpoints[0], m)
	if err != nil {
		return ""
	}
	known := knownEndpoint(app, called, m, now)
	if known == nil {
		return ""
	}
	return known.Name
}
