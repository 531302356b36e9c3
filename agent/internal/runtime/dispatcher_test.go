package runtime

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// someone is a directory in which every object is there.
type someone struct{}

func (someone) Object(_ context.Context, guid ident.GUID, _ []string) (ident.Entry, bool, error) {
	return ident.Entry{GUID: guid, DN: "CN=Ada,DC=example,DC=com"}, true, nil
}

func (someone) Named(context.Context, ident.DN, []string) (ident.Entry, bool, error) {
	return ident.Entry{}, false, nil
}

func (someone) Schema(context.Context, []string) (ident.Schema, error) { return nil, nil }

// TestTheOutboxIsWoken: what begins is taken up although nobody looks for it.
func TestTheOutboxIsWoken(t *testing.T) {
	a, _ := installed(t)
	_, err := a.Snapshot(t.Context())
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.dispatcher(someone{}, 1000*time.Hour).Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	started := func(name string) func() bool {
		lease, err := a.store.AcquireLease(t.Context(), name, "test", time.Hour)
		must(t, err)
		text, err := json.Marshal(orchestration.Definition{Name: name, Steps: []orchestration.Step{{Webhook: &orchestration.Webhook{
			Ref: "crm/off", Application: "crm", Call: abi.Webhook{Name: "off", Method: "PUT", Path: "/off"},
		}}}})
		must(t, err)
		ids, err := a.store.StartInstances(t.Context(), lease, []store.NewInstance{{
			Orchestration: name, Definition: text, Trigger: "command", By: "ada", GUID: "guid-ada", Name: "Ada",
		}})
		must(t, err)
		return func() bool {
			i, err := a.store.Instance(t.Context(), ids[0])
			must(t, err)
			return i.Status == store.InstanceDelivering
		}
	}
	// Twice: the dispatcher may not have looked for the first time when the first begins.
	soak.Await(t, "the first is under way", started("first"))
	soak.Await(t, "the second is under way", started("second"))
}

// TestAnApplicationThatIsMended: what may be sent to follows the connectors that
// serve; links and settings are there all the time.
func TestAnApplicationThatIsMended(t *testing.T) {
	a, _ := installed(t)
	_, err := a.Engine(t.Context())
	must(t, err)
	s := sender{a}
	if _, known := s.Applications()["crm"]; !known || s.Sends("crm") {
		t.Errorf("without its connector: known %t, sends %t", known, s.Sends("crm"))
	}
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- a.host.Watch(ctx, func() { a.refreshed(ctx) }) }()
	install(t, a, acmeManifest)
	soak.Await(t, "something is sent with its connector", func() bool { return s.Sends("crm") })
	stop()
	must(t, <-watched)
	off := *a.now.Load()
	cfg := *off.config
	crm := cfg.Applications["crm"]
	crm.Enabled = false
	cfg.Applications = map[string]config.Application{"crm": crm}
	off.config = &cfg
	a.now.Store(&off)
	if _, known := s.Applications()["crm"]; !known || s.Sends("crm") {
		t.Errorf("while it is not enabled: known %t, sends %t", known, s.Sends("crm"))
	}
}
