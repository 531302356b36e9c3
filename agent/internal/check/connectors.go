package check

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// connectors checks the configuration against the manifests of the connectors,
// without running any of their code. Whatever prevents an automation from
// running is an error.
func connectors(ctx context.Context, cfg *config.Config) (wrong, warnings []string) {
	h, err := host.Open(ctx, host.Settings{
		ModulesDir: cfg.Agent.ModulesDir, TrustedKeys: cfg.Modules.TrustedKeys, AllowUnsigned: cfg.Modules.AllowUnsigned,
	}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return []string{err.Error()}, nil
	}
	defer func() { _ = h.Close(ctx) }()
	reported := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		data := cfg.DataSources[cfg.Automations[name].DataSource]
		application := cfg.Applications[data.Application]
		connector, err := h.Connector(application.Connector)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: application %s: %v", application.Pos, application.Name, source.WithNext(err)))
			reported[application.Name] = true
			continue
		}
		m := connector.Manifest()
		reported[application.Name] = true
		for _, err := range fit.Application(application, m) {
			wrong = append(wrong, err.Error())
		}
		fitted, errs := fit.Automation(cfg, name, m, time.Now())
		for _, err := range errs {
			wrong = append(wrong, err.Error())
		}
		warnings = append(warnings, fitted.Warnings...)
	}
	for _, err := range outbound(cfg, h, reported) {
		wrong = append(wrong, err.Error())
	}
	return wrong, warnings
}

// outbound checks webhooks and orchestrations, and the applications that only
// they call: those that are not reported yet.
func outbound(cfg *config.Config, h *host.Host, reported map[string]bool) []error {
	var wrong []error
	manifests := map[string]abi.Manifest{} // of all applications, as the agent that runs knows them
	used := cfg.UsedApplications()
	for _, name := range slices.Sorted(maps.Keys(cfg.Applications)) {
		application := cfg.Applications[name]
		connector, err := h.Connector(application.Connector)
		if err == nil {
			manifests[name] = connector.Manifest()
		}
		switch {
		case reported[name], !slices.Contains(used, name):
		case err != nil:
			wrong = append(wrong, fmt.Errorf("%s: application %s: %w", application.Pos, name, source.WithNext(err)))
		default:
			wrong = append(wrong, fit.Application(application, connector.Manifest())...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		wrong = append(wrong, fit.Receiver(cfg.Applications[name], manifests[name])...)
	}
	known := func(application string) (abi.Manifest, bool) { m, ok := manifests[application]; return m, ok }
	wrong = append(wrong, fit.Webhooks(cfg, known)...)
	for _, name := range slices.Sorted(maps.Keys(cfg.Orchestrations)) {
		o, errs := fit.Orchestration(cfg, name, known)
		wrong = append(wrong, errs...)
		for automation, a := range cfg.Triggered {
			if len(errs) == 0 && a.Trigger == config.TriggerDirectory && a.Orchestration == name {
				wrong = append(wrong, fit.Reaction(cfg, automation, o)...)
			}
		}
	}
	return wrong
}
