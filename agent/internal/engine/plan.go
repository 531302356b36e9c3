package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// planned is a plan with the other results of planning.
type planned struct {
	ident.Plan
	links     []plan.LinkUpdate
	unsettled []ident.Key                       // the next run needs their delivered records again
	joined    map[string]string                 // how each further endpoint fitted, for the next run
	complete  bool                              // everybody was delivered
	strays    int                               // accounts with an anchor that nothing explains since the state was lost
	past      []ident.Refusal                   // refusals by the directory of values that are no longer to be written
	settled   []ident.QuarantineItem            // items that a person accepted and that are no longer reported
	delivered []ident.Key                       // links whose key is delivered again
	absent    []ident.Key                       // links whose key is absent for the first time
	undecided func(ident.Key, ident.Class) bool // whether the plan leaves open if an operation is still to be made
}

// plan brings the mirror up to date and decides what the run would change.
// Only one run at a time may do so (see alone).
func (e *Engine) plan(ctx context.Context, a Automation, client Directory, d delivery) (planned, error) {
	v, schema, err := e.current(ctx, a, client, d.acceptShrink, d.warm)
	if err != nil {
		return planned{}, err
	}
	defer v.close()
	if a, err = a.under(schema); err != nil {
		return planned{}, err
	}
	if d.chosen == nil {
		err = e.respellLinks(ctx, a, d)
	}
	if err != nil {
		return planned{}, fmt.Errorf("give the keys of links one spelling: %w", err)
	}
	// Read this before the plan does, so that an item accepted meanwhile
	// stays.
	accepted, err := e.Store.Accepted(ctx, a.Settings.Automation)
	if err != nil {
		return planned{}, fmt.Errorf("read what was accepted: %w", err)
	}
	refused, err := e.refusals(ctx, a.Settings.Automation)
	if err != nil {
		return planned{}, err
	}
	b, err := e.builder(ctx, a, v)
	if err != nil {
		return planned{}, err
	}
	b.Watch(d.watch)
	if err := e.giveStaged(ctx, a, &d, b); err != nil {
		return planned{}, fmt.Errorf("plan automation %s: %w", a.Settings.Automation, err)
	}
	end := e.deliveryEnd(ctx, a, d, b)
	if end.Held, err = e.doubtOf(ctx, a, d); err != nil {
		return planned{}, err
	}
	p, err := b.Finish(end)
	if err != nil {
		return planned{}, fmt.Errorf("plan automation %s: %w", a.Settings.Automation, err)
	}
	e.logCrashes(a, b)
	busy := busy(v.others, a.Settings.Space())
	leaveBusy(&p, busy)
	if err := e.follow(ctx, &p, a.Settings); err != nil {
		return planned{}, err
	}
	made := planned{
		Plan: p, links: b.LinkUpdates(), unsettled: b.Unsettled(),
		complete: end.Complete && end.Doubt == "" && !end.ChangesOnly,
		strays:   b.Strays(), settled: acceptance(accepted).without(b.Accepted()),
		past: refused.without(b.StillRefused()), joined: d.joined(a),
	}
	made.keepUndecided(end, b, busy)
	made.delivered, made.absent = b.Marks()
	d.chosen.narrow(&made, b, a.Settings.Application)
	return made, nil
}

func (e *Engine) logCrashes(a Automation, b *plan.Builder) {
	if crash := b.Crashes(); crash.Count > 0 {
		e.Log.Error("internal error while records were planned: they are in quarantine", "automation", a.Settings.Automation,
			"records", crash.Count, "key", crash.Key, "panic", crash.Panic, "stack", crash.Stack)
	}
}

// leaveBusy removes users from a plan if another automation of the same space
// is changing them right now. The next run examines them.
func leaveBusy(p *ident.Plan, busy map[ident.Key]string) {
	if len(busy) == 0 {
		return
	}
	p.Changes = slices.DeleteFunc(p.Changes, func(c ident.Change) bool {
		other, is := busy[c.Key]
		if is {
			p.Notes = append(p.Notes, ident.Note{
				Key: c.Key, Name: c.Name, Text: "left to the next run: automation " + other + " is changing this user right now",
			})
		}
		return is
	})
	p.Quarantined = slices.DeleteFunc(p.Quarantined, func(q ident.QuarantineItem) bool { return q.Key != "" && busy[q.Key] != "" })
}

// builder starts a plan on a view.
func (e *Engine) builder(ctx context.Context, a Automation, v *view) (*plan.Builder, error) {
	history, err := e.history(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("read what earlier runs did: %w", err)
	}
	b := plan.NewBuilder(a.Settings, v, a.Mapper, history)
	b.Mapped(a.Mapper.Attributes())
	return b, nil
}

// under adapts an automation to the schema of the directory: accounts can be
// recognised only by attributes that exist there and that rollcall can write.
func (a Automation) under(schema ident.Schema) (Automation, error) {
	for _, name := range append([]string{a.Settings.Anchor}, a.Settings.Match...) {
		if rule := schema.Rule(name); rule.Unusable != "" {
			return a, fmt.Errorf("accounts are recognised by %s, but the attribute %s; next: %s", name, rule.Unusable, rule.Next)
		}
	}
	a.Settings.Schema, a.Mapper = schema, a.Mapper.Under(schema)
	return a, nil
}

// current returns a view of the present directory and of what other runs are
// about to change. It reads the promises first: a run that ends after that has
// written everything before the mirror is read. The caller closes the image of the
// view. known is what a run of single users has at hand; nil for any other.
func (e *Engine) current(
	ctx context.Context, a Automation, client Directory, acceptShrink bool, known *warmed,
) (*view, ident.Schema, error) {
	others := e.promises.others(a.Settings.Automation)
	schema, err := e.sync(ctx, a.Settings.Automation, client, acceptShrink, known)
	if err != nil {
		return nil, nil, err
	}
	v, err := e.view(ctx, a, client, known)
	if err != nil {
		return nil, nil, err
	}
	v.others, v.schema = others, schema
	return v, schema, nil
}

// sync brings the mirror up to date for an automation. acceptShrink trusts the
// directory although it shows far fewer objects than before. The returned
// schema says which values the attributes take; attributes that it lacks are
// left out of the mirror.
func (e *Engine) sync(ctx context.Context, automation string, client Directory, acceptShrink bool, known *warmed) (ident.Schema, error) {
	schema, err := e.schema(ctx, client, known)
	if err != nil {
		return nil, err
	}
	spec := e.mirrored(schema)
	spec.AcceptShrink = acceptShrink
	_, err = e.synchronise(ctx, client, spec)
	var shrunk *mirror.ShrinkError
	if errors.As(err, &shrunk) {
		return nil, fmt.Errorf("%w; if that many were really deleted, say so once: %s",
			err, ident.Command("plan --accept-shrink", automation))
	}
	return schema, err
}

// acceptShrink brings the mirror up to date, and trusts the directory although it
// shows far fewer objects than before. It is for automations without records: what
// is gone becomes events, and their limits hold what is too much.
func (e *Engine) acceptShrink(ctx context.Context, automation string) (ident.Plan, error) {
	err := e.connected(ctx, func(client Directory) error {
		return e.alone(ctx, automation, func() error {
			_, err := e.sync(ctx, automation, client, true, nil)
			return err
		})
	})
	if err != nil {
		return ident.Plan{}, stoppedPlan(ctx, "automation "+automation, err)
	}
	return ident.Plan{
		Automation: automation, Made: e.Now(), Changes: []ident.Change{}, Limits: []ident.LimitState{},
		Notes: []ident.Note{{Text: "the directory is believed as it shows itself now. The automation has no records, so nothing is planned. " +
			"What is gone begins what automations with trigger = \"directory\" say about it, under their limits: " + ident.Command("events")}},
	}, nil
}

// schema reads what the directory takes, unless it is known.
func (e *Engine) schema(ctx context.Context, client Directory, known *warmed) (ident.Schema, error) {
	if known != nil {
		return known.schema, nil
	}
	schema, err := mirror.ReadSchema(ctx, client, e.schemaNames())
	if err != nil {
		return nil, fmt.Errorf("look up what the directory takes: %w", err)
	}
	return schema, nil
}

// targetAddress leads mail to an account or contact too, where Exchange has
// extended the schema: it is mirrored because an address in it is in use.
const targetAddress = "targetAddress"

// schemaNames lists the attributes of which the schema is read.
func (e *Engine) schemaNames() []string {
	return append(slices.Clone(e.mirrors.Load().Attributes), targetAddress)
}

// mirrored says what is mirrored of a directory with a schema.
func (e *Engine) mirrored(schema ident.Schema) mirror.Spec {
	spec := *e.mirrors.Load()
	spec.Attributes = slices.DeleteFunc(slices.Clone(spec.Attributes), func(name string) bool { return schema.Rule(name).Unread })
	if rule, known := schema[text.Lower(targetAddress)]; known && !rule.Unread {
		spec.Attributes = append(spec.Attributes, targetAddress) // a second mention does no harm
	}
	return spec
}

// synchronise brings the mirror up to date while nobody else does.
func (e *Engine) synchronise(ctx context.Context, client Directory, spec mirror.Spec) (report mirror.Report, err error) {
	err = e.syncing(ctx, func() error {
		report, err = mirror.Sync(ctx, client, e.Store, spec, e.Log)
		if err != nil {
			return fmt.Errorf("bring the mirror of the directory up to date: %w", err)
		}
		e.turn.syncs.Add(1)
		return nil
	})
	if err == nil && e.Synced != nil {
		e.Synced(report)
	}
	return report, err
}

// view takes an image of the mirror as it is now, which the caller closes.
func (e *Engine) view(ctx context.Context, a Automation, client Directory, known *warmed) (*view, error) {
	var guard protector
	if known != nil {
		guard = known.writer.Lookup()
	} else {
		all, err := write.NewGuard(ctx, client, e.Rules)
		if err != nil {
			return nil, fmt.Errorf("find the protected accounts: %w", err)
		}
		guard = all
	}
	image, err := e.Store.Image(ctx)
	if err != nil {
		return nil, err
	}
	return &view{
		ctx: ctx, image: image, store: e.Store, client: client, guard: guard,
		space: a.Settings.Space(), automation: a.Settings.Automation,
		members: map[string]map[ident.GUID]bool{}, taken: e.mirrors.Load().Attributes, catalog: newCatalog(e.Settings.Catalog),
	}, nil
}

// deliveryEnd says which keys count as present. A record without a key, or
// with somebody else's key, could be anybody, so in that case nobody can be
// missing.
func (e *Engine) deliveryEnd(ctx context.Context, a Automation, d delivery, b *plan.Builder) plan.Delivery {
	d.reportJoin(a, b)
	d.reportAttached(b)
	if d.chosen != nil {
		return d.chosen.end()
	}
	end := plan.Delivery{
		Complete: true, ChangesOnly: a.changesOnly(),
		Present: func(k ident.Key) (bool, error) { return e.Store.StagedHas(ctx, d.staging, k) },
	}
	if d.partsAlone > 0 {
		b.Remark(ofMany(d.partsAlone,
			"of the delivered keys came with an attachment and without a record: it counts as present, and nothing else is made of that",
			"of the delivered keys came with an attachment and without a record: they count as present, and nothing else is made of that"))
	}
	if d.keylessDeletions > 0 {
		b.Attend(fmt.Sprintf("reported deletions that do not say which key: %d; nobody is disabled because of them", d.keylessDeletions),
			"look at the endpoint's deletions at the source, and disable the accounts by hand if these people have left")
	}
	if d.doubled > 0 {
		end.Doubt = fmt.Sprintf("%d of the delivered keys came more than once, so that one of the records may be somebody else's", d.doubled)
	}
	if d.keyless > 0 {
		end.Doubt = ofMany(d.keyless, "of the delivered records has no primary key, so it could be anybody",
			"of the delivered records have no primary key, so they could be anybody")
		b.Quarantine("", "",
			ofMany(d.keyless, "of the delivered records has no usable primary key", "of the delivered records have no usable primary key")+
				"; the first: "+d.first,
			"look at these records at the source, and at primary_key of the data source")
	}
	return end
}

// ofMany puts a count before a phrase, in the singular or the plural.
func ofMany(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
