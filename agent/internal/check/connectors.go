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
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		data := cfg.DataSources[cfg.Automations[name].DataSource]
		application := cfg.Applications[data.Application]
		connector, err := h.Connector(application.Connector)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: application %s: %v", application.Pos, application.Name, source.WithNext(err)))
			continue
		}
		m := connector.Manifest()
		for _, err := range fit.Application(application, m) {
			wrong = append(wrong, err.Error())
		}
		fitted, errs := fit.Automation(cfg, name, m, time.Now())
		for _, err := range errs {
			wrong = append(wrong, err.Error())
		}
		warnings = append(warnings, fitted.Warnings...)
	}
	return wrong, warnings
}
