package check

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// faulty is an agent whose directory and applications cannot be asked.
type faulty struct {
	cfg       *config.Config
	connect   func() (*conn.Client, error)
	connector func(name string) (*host.Connector, error)
}

func (f faulty) Config() *config.Config { return f.cfg }

func (f faulty) Connect(context.Context, string) (*conn.Client, error) { return f.connect() }

func (f faulty) Catalog(context.Context) (*conn.Client, error) { return f.connect() }

func (f faulty) Mirrored() []string { return nil }

func (f faulty) Connector(a config.Application) (*host.Connector, error) {
	return f.connector(a.Connector)
}

func (f faulty) Application(context.Context, config.Application, abi.Manifest) (host.Application, error) {
	return host.Application{}, errors.New("no credentials")
}

// TestOneFaultIsOneFinding: what fails, panics even, keeps nothing else from
// being asked, and nobody is asked about an application that is not enabled.
func TestOneFaultIsOneFinding(t *testing.T) {
	cfg := &config.Config{
		Directory: config.Directory{BindDN: "rollcall@example.com"},
		Applications: map[string]config.Application{
			"a": {Name: "a", Enabled: true, Connector: "broken"}, "b": {Name: "b", Enabled: true}, "c": {Name: "c"},
		},
	}
	agent := faulty{
		cfg:     cfg,
		connect: func() (*conn.Client, error) { return nil, conn.ErrCredentials },
		connector: func(name string) (*host.Connector, error) {
			if name == "broken" {
				panic("broken connector")
			}
			return nil, errors.New("no such connector")
		},
	}
	states := map[string]abi.RightState{}
	for _, f := range Online(t.Context(), agent, slog.New(slog.DiscardHandler)) {
		states[f.Where+" | "+f.Right] = f.State
	}
	want := map[string]abi.RightState{
		"directory | bind": abi.RightLacking, "application a | check": Failed, "application b | connector": Failed,
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// granted are the scopes of a token.
type granted []string

func (g granted) Granted(context.Context) ([]string, error) {
	if len(g) > 0 && g[0] == "outage" {
		return nil, errors.New("no token")
	}
	return g, nil
}

// TestScopes: a token that lacks a scope is told from one whose scopes nobody
// knows, and from one that could not be had.
func TestScopes(t *testing.T) {
	needs := []fit.Need{{Need: abi.Need{Use: "endpoint users"}, Known: true, Scopes: []string{"users:read"}}}
	for want, g := range map[abi.RightState]granted{
		abi.RightGranted: {"base", "users:read"}, abi.RightLacking: {"base"}, abi.RightUnknown: nil, Failed: {"outage"},
	} {
		found := scopeFindings(t.Context(), g, needs, "crm")
		if len(found) != 1 || found[0].State != want || found[0].Right != "scope users:read" {
			t.Errorf("%v: %+v, want %s", g, found, want)
		}
	}
}

// TestUntold: whatever the connector says nothing about is unknown, never
// granted.
func TestUntold(t *testing.T) {
	needs := []fit.Need{
		{Need: abi.Need{Use: "told", Rights: []string{"read", "write"}}, Known: true},
		{Need: abi.Need{Use: "without rights"}, Known: true},
		{Need: abi.Need{Use: "own"}},
	}
	var got []string
	for _, f := range untold(needs, []abi.Finding{{Use: "told", Right: "read", State: abi.RightGranted}}, "acme") {
		if f.State != abi.RightUnknown {
			t.Errorf("%+v is not unknown", f)
		}
		got = append(got, f.Use+" | "+f.Right+" | "+f.Reason)
	}
	want := []string{
		"told | write | connector acme does not find it out: look at the account in the application",
		"without rights |  | the manifest of connector acme names no right for it",
		"own |  | the manifest of connector acme does not know this call",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
