package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// checkConnectors holds the configuration against the manifests of the
// connectors, without running any of their code. It returns warnings; what
// makes an automation impossible is an error.
func (c *cli) checkConnectors(ctx context.Context, cfg *config.Config) ([]string, error) {
	h, err := host.Open(ctx, host.Settings{
		ModulesDir: cfg.Agent.ModulesDir, TrustedKeys: cfg.Modules.TrustedKeys, AllowUnsigned: cfg.Modules.AllowUnsigned,
	}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, &usageError{err}
	}
	defer func() { _ = h.Close(ctx) }()
	var wrong []string
	warnings := []string{}
	for _, name := range sortedNames(cfg.Automations) {
		data := cfg.DataSources[cfg.Automations[name].DataSource]
		application := cfg.Applications[data.Application]
		connector, err := h.Connector(application.Connector)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: application %s: %v", application.Pos, application.Name, source.WithNext(err)))
			continue
		}
		m := connector.Manifest()
		for _, err := range misfits(application, m) {
			wrong = append(wrong, err.Error())
		}
		fits, errs := fit(cfg, name, m)
		for _, err := range errs {
			wrong = append(wrong, err.Error())
		}
		warnings = append(warnings, overruledKey(cfg, data)...)
		warnings = append(warnings, unknownFields(cfg.Automations[name], data, m, fits)...)
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return nil, &usageError{fmt.Errorf("%s", strings.Join(slices.Compact(wrong), "\n"))}
	}
	return warnings, nil
}

// unknownFields warns of fields that the manifest does not list: APIs grow, so
// that it is no error. Nothing is known of the records of an endpoint that the
// configuration defines by itself.
func unknownFields(a config.Automation, data config.DataSource, m abi.Manifest, fits fitted) []string {
	if fits.known == nil {
		return nil
	}
	var known, warnings []string
	for _, attribute := range fits.attributes(m) {
		known = append(known, attribute.Name)
	}
	for _, field := range a.Mapper.Fields() {
		if slices.Contains(known, field) {
			continue
		}
		best, distance := "", 3
		for _, k := range known {
			if d := levenshtein.Distance(field, k, nil); d < distance {
				best, distance = k, d
			}
		}
		hint := ""
		if best != "" {
			hint = fmt.Sprintf(` (did you mean "user.%s"?)`, best)
		}
		warnings = append(warnings, fmt.Sprintf("%s: warning: data source %s uses user.%s, which connector %s does not list%s", data.Pos, data.Name, field, m.Name, hint))
	}
	return warnings
}
