// Package check tells an administrator in advance what would not work.
// Configuration checks everything that can be known without a connection: the
// texts of the configuration, the manifests of the connectors, and the named
// files and secrets. Online asks the directory and the applications what the
// accounts may do there.
//
// It only reads and is not part of a run: a run finds out by itself, and stops
// if something is missing.
package check

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Finding is one right that the configuration needs, and whether the account
// has it.
type Finding struct {
	Where string `json:"where"` // "directory", "application pipedrive"
	abi.Finding
}

// Failed is the state of a right that could not be determined because of an
// error.
const Failed abi.RightState = "failed"

// Agent is what the checks need from an agent with one configuration: the
// connections and credentials that its runs would use.
type Agent interface {
	// Config is the configuration that is checked.
	Config() *config.Config
	// Connect binds to the directory, to the preferred server if one is named.
	Connect(ctx context.Context, preferred string) (*conn.Client, error)
	// Catalog binds to the global catalog that is configured.
	Catalog(ctx context.Context) (*conn.Client, error)
	// Mirrored lists the attributes that the automations write or read.
	Mirrored() []string
	// Connector returns the connector that serves an application.
	Connector(application config.Application) (*host.Connector, error)
	// Application returns an application in the form in which its connector is
	// called.
	Application(ctx context.Context, application config.Application, m abi.Manifest) (host.Application, error)
}

// Online asks the directory and every enabled application in parallel: a slow
// or failing one does not prevent the others from being asked.
func Online(ctx context.Context, agent Agent, log *slog.Logger) []Finding {
	cfg := agent.Config()
	names := slices.Sorted(maps.Keys(cfg.Applications))
	found := make([][]Finding, len(names)+1)
	var group errgroup.Group
	group.Go(func() error {
		found[0] = rescued(log, "directory", func() []Finding { return directory(ctx, agent) })
		return nil
	})
	for i, name := range names {
		if conf := cfg.Applications[name]; conf.Enabled {
			group.Go(func() error {
				found[i+1] = rescued(log, "application "+name, func() []Finding { return application(ctx, conf, agent) })
				return nil
			})
		}
	}
	_ = group.Wait() // failures are findings
	all := []Finding{}
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// rescued turns a panic of one check into its finding.
func rescued(log *slog.Logger, where string, check func() []Finding) (found []Finding) {
	err := rescue.Do(log, func() error { found = check(); return nil }, "check", where)
	if err != nil {
		found = []Finding{{where, abi.Finding{Use: where, Right: "check", State: Failed, Reason: err.Error()}}}
	}
	return found
}
