package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// checkConnectors holds the configuration against the manifests of the
// connectors, without running any of their code. What makes an automation
// impossible is wrong.
func (c *cli) checkConnectors(ctx context.Context, cfg *config.Config) (wrong, warnings []string) {
	h, err := host.Open(ctx, host.Settings{
		ModulesDir: cfg.Agent.ModulesDir, TrustedKeys: cfg.Modules.TrustedKeys, AllowUnsigned: cfg.Modules.AllowUnsigned,
	}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return []string{err.Error()}, nil
	}
	defer func() { _ = h.Close(ctx) }()
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
	return wrong, warnings
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
		place, ok := a.Mapper.Place(field)
		if !ok {
			continue // of the primary key, which is told as an error
		}
		hint := strings.Replace(closest(field, known), `"`, `"user.`, 1)
		warnings = append(warnings, fmt.Sprintf("%s: warning: data source %s uses user.%s, which connector %s does not list%s", place, data.Name, field, m.Name, inBrackets(hint)))
	}
	return warnings
}
