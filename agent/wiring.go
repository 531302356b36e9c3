package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
)

// engineSettings are what the configuration and the connectors make of an
// engine.
func (a *app) engineSettings(ctx context.Context, h *host.Host) engine.Settings {
	automations, broken := a.automations(ctx, h)
	d := a.config.Directory
	return engine.Settings{
		Store: a.store, Automations: automations, Broken: broken, Observer: a.observer(), Log: a.log, Now: time.Now,
		Connect: a.connector(d), Servers: d.URLs, Writers: d.Connections,
		Rules:  write.Rules{Scope: d.Scope, Anchor: d.Anchor, Protect: d.ProtectedGroups, Allow: d.AllowProtected, BindDN: d.BindDN},
		Mirror: mirror.Spec{Base: d.BaseDN, Attributes: a.mirrored()},
	}
}

// automations builds every automation with the connectors that serve now, and
// tells why one cannot run.
func (a *app) automations(ctx context.Context, h *host.Host) (map[string]engine.Automation, map[string]error) {
	automations, broken := map[string]engine.Automation{}, map[string]error{}
	for _, name := range sortedNames(a.config.Automations) {
		built, err := a.automation(ctx, h, name)
		if err != nil {
			broken[name] = err
			continue
		}
		automations[name] = built
	}
	return automations, broken
}

// connector opens the connection that one run works over.
func (a *app) connector(d config.Directory) func(context.Context, string) (*conn.Client, error) {
	var observer conn.Observer
	if !a.trial { // a directory that is tried is no outage of the one in use
		observer = a.metrics
	}
	return func(ctx context.Context, prefer string) (*conn.Client, error) {
		return conn.Open(ctx, conn.Settings{
			URLs: preferred(d.URLs, prefer), BaseDN: d.BaseDN, BindDN: d.BindDN, CAFile: d.CAFile,
			Timeout: d.Timeout, Connections: d.Connections,
			Password: func(ctx context.Context) (string, error) {
				s, err := resolve(ctx, a.secrets, d.BindPassword)
				return s.Reveal(), err
			},
		}, a.log, observer)
	}
}

// mirrored lists every attribute that some automation writes or reads.
func (a *app) mirrored() []string {
	seen := map[string]bool{a.config.Directory.Anchor: true}
	names := []string{a.config.Directory.Anchor}
	for _, automation := range sortedNames(a.config.Automations) {
		for _, name := range a.config.Automations[automation].Mapper.Attributes() {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

func (a *app) automation(ctx context.Context, h *host.Host, name string) (engine.Automation, error) {
	conf := a.config.Automations[name]
	data := a.config.DataSources[conf.DataSource]
	application := a.config.Applications[data.Application]
	if !application.Enabled {
		return engine.Automation{}, fmt.Errorf("%s: application %s is not enabled", application.Pos, application.Name)
	}
	connector, err := h.Connector(application.Connector)
	if err != nil {
		return engine.Automation{}, fmt.Errorf("%s: application %s: %w", application.Pos, application.Name, source.WithNext(err))
	}
	manifest := connector.Manifest()
	fitted, wrong := fit.Automation(a.config, name, manifest, time.Now())
	if len(wrong) > 0 {
		return engine.Automation{}, errors.Join(wrong...)
	}
	target, err := a.application(ctx, application, manifest)
	if err != nil {
		return engine.Automation{}, err
	}
	settings, err := a.planSettings(conf, data)
	if err != nil {
		return engine.Automation{}, err
	}
	settings.Config = fitted.Digest(settings.Config)
	return engine.Automation{
		Settings: settings,
		Mapper:   fitted.Mapper,
		Key:      fitted.Endpoint.Key, OwnKey: fitted.OwnKey,
		Password: engine.Password{Length: conf.Password.Length, MustChange: conf.Password.MustChange},
		Source: source.New(source.Settings{
			Connector: connector, Application: target, Endpoint: fitted.Endpoint,
			Fields: fitted.Mapper.Fields(), Now: time.Now,
		}),
	}, nil
}

func (a *app) planSettings(conf config.Automation, data config.DataSource) (plan.Settings, error) {
	digest, err := a.config.Digest(conf.Name)
	if err != nil {
		return plan.Settings{}, fmt.Errorf("digest of automation %s: %w", conf.Name, err)
	}
	return plan.Settings{
		Automation: conf.Name, Application: data.Application, DataSource: data.Name,
		Config: digest, Action: conf.Action, Adopt: conf.Adopt.Mode, AdoptMove: conf.Adopt.Move,
		Missing: plan.Missing(conf.Missing),
		Match:   conf.Match, Anchor: a.config.Directory.Anchor, Limits: conf.Limits.ByClass(),
		SourceShrink: conf.Limits.SourceShrink, Approval: conf.Approval,
		Scope: a.config.Directory.Scope, Allow: a.config.Directory.AllowProtected,
	}, nil
}

// preferred puts one of the URLs first.
func preferred(urls []string, first string) []string {
	i := slices.Index(urls, first)
	if i < 0 {
		return urls
	}
	return append([]string{first}, slices.Delete(slices.Clone(urls), i, i+1)...)
}
