package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// What a source does beyond fetching, an engine finds out by itself.
var (
	_ engine.Attacher    = (*source.Source)(nil)
	_ engine.AttachError = (*source.RecordError)(nil)
)

// engineSettings returns what an engine needs in order to run s.
func (s *Snapshot) engineSettings() engine.Settings {
	d := s.config.Directory
	return engine.Settings{
		Store: s.store, Automations: s.automations, Broken: s.broken, Observer: s.observer(), Log: s.log, Now: time.Now,
		Connect: s.pinned, Servers: d.URLs, Writers: d.Connections, Objects: s.writing, Rules: s.writeRules(),
		Mirror: s.mirrorSpec(), Catalog: s.catalog(),
	}
}

// mirrorSpec says what is mirrored, and which changes are events. A configuration
// that a command names changes nothing about the events that the agent waits for.
func (s *Snapshot) mirrorSpec() mirror.Spec {
	spec := mirror.Spec{
		Base: s.config.Directory.BaseDN, Attributes: s.Mirrored(), Optional: s.imaged(),
		Events: len(s.reactions) > 0, Named: s.askedByName(),
	}
	if s.own != nil {
		spec.EventsAsBefore, spec.Named = true, append(spec.Named, s.own.askedByName()...)
	}
	return spec
}

// writeRules limit what may be written to the directory.
func (s *Snapshot) writeRules() write.Rules {
	d := s.config.Directory
	return write.Rules{Scope: d.Scope, Anchor: d.Anchor, Protect: d.ProtectedGroups, Allow: d.AllowProtected, BindDN: d.BindDN}
}

// pinned connects like Connect, in the form that a run needs.
func (s *Snapshot) pinned(ctx context.Context, prefer string) (engine.Directory, error) {
	c, err := s.Connect(ctx, prefer)
	if err != nil {
		return nil, err // not a Directory that holds a nil connection
	}
	return c, nil
}

// catalog opens the global catalog, in the form that a run needs; nil if none is
// configured.
func (s *Snapshot) catalog() func(context.Context) (engine.Catalog, error) {
	if s.config.Directory.GlobalCatalog == "" {
		return nil
	}
	return func(ctx context.Context) (engine.Catalog, error) {
		c, err := s.Catalog(ctx)
		if err != nil {
			return nil, err // not a Catalog that holds a nil connection
		}
		return c, nil
	}
}

// Mirrored lists every attribute that an automation over records writes or reads.
func (s *Snapshot) Mirrored() []string {
	seen := map[string]bool{}
	var names []string
	add := func(more []string) {
		for _, name := range more {
			if lower := text.Lower(name); !seen[lower] {
				seen[lower] = true
				names = append(names, name)
			}
		}
	}
	add([]string{s.config.Directory.Anchor})
	for _, automation := range s.names() {
		add(s.config.Automations[automation].Mapper.Attributes())
	}
	return names
}

// automation converts a configured automation to the form that an engine runs.
func (s *Snapshot) automation(ctx context.Context, name string) (engine.Automation, error) {
	conf := s.config.Automations[name]
	data := s.config.DataSources[conf.DataSource]
	application := s.config.Applications[data.Application]
	if !application.Enabled {
		return engine.Automation{}, fmt.Errorf("%s: application %s is not enabled", application.Pos, application.Name)
	}
	connector, err := s.servedTo(application)
	if err != nil {
		return engine.Automation{}, err
	}
	fits, wrong := fit.Automation(s.config, name, connector.manifest, time.Now())
	if len(wrong) > 0 {
		return engine.Automation{}, errors.Join(wrong...)
	}
	target, err := s.Application(ctx, application, connector.manifest)
	if err != nil {
		return engine.Automation{}, err
	}
	if err := s.following(conf); err != nil {
		return engine.Automation{}, err
	}
	settings, err := s.planSettings(conf, data)
	if err != nil {
		return engine.Automation{}, err
	}
	settings.Kind, settings.Config = fits.Kind, fits.Digest(settings.Config)
	reads := source.Settings{
		Connector: connector.Connector, Application: target, Manifest: connector.manifest, Endpoint: fits.Endpoint,
		Fields: fits.Fields(), Now: time.Now,
	}
	return engine.Automation{
		Settings: settings,
		Mapper:   fits.Mapper,
		Key:      fits.Endpoint.Key, OwnKey: fits.OwnKey,
		Password: engine.Password{
			Length: conf.Password.Length, MustChange: conf.Password.MustChange, Deliver: conf.Password.Deliver != "",
		},
		Source: source.New(reads),
		Join:   joined(data, fits, reads),
	}, nil
}

// joined returns the further endpoints of a data source, which are read as the first
// one is; nil when it has none.
func joined(data config.DataSource, fits fit.Fitted, reads source.Settings) *engine.Join {
	if len(fits.Joined) == 0 {
		return nil
	}
	join := &engine.Join{Inner: data.Join == config.JoinInner}
	for _, j := range fits.Joined {
		reads.Endpoint, reads.Fields = j.Endpoint, fits.FieldsOf(j)
		join.Partners = append(join.Partners, source.New(reads))
	}
	return join
}

func (s *Snapshot) planSettings(conf config.Automation, data config.DataSource) (plan.Settings, error) {
	digest, err := s.config.Digest(conf.Name)
	if err != nil {
		return plan.Settings{}, fmt.Errorf("digest of automation %s: %w", conf.Name, err)
	}
	starts := map[ident.Class][]string{}
	for _, class := range ident.Classes {
		if names := conf.Starts(class); len(names) > 0 {
			starts[class] = names
		}
	}
	return plan.Settings{
		Starts: starts, Start: conf.Limits.Start, Automation: conf.Name, Application: data.Application, DataSource: data.Name,
		Config: digest, Action: conf.Action, Adopt: conf.Adopt.Mode, AdoptMove: conf.Adopt.Move,
		Missing: plan.Missing(conf.Missing),
		Match:   conf.Match, Anchor: s.config.Directory.Anchor, Limits: conf.Limits.ByClass(),
		SourceShrink: conf.Limits.SourceShrink, Approval: conf.Approval,
		Scope: s.config.Directory.Scope, Allow: s.config.Directory.AllowProtected,
	}, nil
}
