package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// The following functions name the meta entries that one run leaves for the
// next.
func deliveredMeta(automation string) string  { return "delivered/" + automation }
func linksKnownMeta(space ident.Space) string { return "links_known/" + space.String() }
func straysMeta(automation string) string     { return "strays/" + automation }

// joinedMeta names how many records of an endpoint were joined, and how many lacked one.
func joinedMeta(automation, endpoint string) string { return "joined/" + automation + "/" + endpoint }

// notRunMeta marks an automation that has not run since the state was lost,
// although another automation of its space has. Its own links have yet
// to be restored.
func notRunMeta(automation string) string { return "not_run/" + automation }

// history reads what the limits and the plan need to know of earlier runs.
func (e *Engine) history(ctx context.Context, a Automation) (plan.History, error) {
	name := a.Settings.Automation
	var h plan.History
	var err error
	if h.Used, err = e.Store.CountApplied(ctx, name, e.Now().Add(-24*time.Hour)); err != nil {
		return h, err
	}
	if h.PeakLinks, err = e.Store.PeakLinks(ctx, name, e.Now().AddDate(0, 0, -7)); err != nil {
		return h, err
	}
	if h.CurrentLinks, err = e.Store.CountLinks(ctx, name); err != nil {
		return h, err
	}
	decided, err := e.Store.Decided(ctx, name)
	if err != nil {
		return h, err
	}
	h.Decided = func(key ident.Key, class ident.Class, digest string) (int64, ident.Result, bool) {
		d, ok := decided[store.OperationID{Key: key, Class: class, Digest: digest}]
		return d.Run, d.Result, ok
	}
	delivered, _, err := e.Store.Meta(ctx, deliveredMeta(name))
	if err != nil {
		return h, err
	}
	h.LastDelivered, _ = strconv.Atoi(delivered) // not set before the first run
	_, known, err := e.Store.Meta(ctx, linksKnownMeta(a.Settings.Space()))
	if err != nil {
		return h, err
	}
	waiting, err := e.notRun(ctx, a, known)
	if err != nil {
		return h, err
	}
	h.AnchorsTrusted = slices.Contains(waiting, name)
	h.NotRun = slices.DeleteFunc(waiting, func(other string) bool { return other == name })
	accepted, err := e.Store.Accepted(ctx, name)
	if err != nil {
		return h, err
	}
	h.Accepted = acceptance(accepted).by
	refused, err := e.refusals(ctx, name)
	if err != nil {
		return h, err
	}
	h.Refused = refused.find
	strays, _, err := e.Store.Meta(ctx, straysMeta(name))
	h.StraysOpen = strays != "" && strays != "0"
	return h, err
}

// notRun names the automations of a space that have not run since the
// state was lost. known means that at least one has.
func (e *Engine) notRun(ctx context.Context, a Automation, known bool) ([]string, error) {
	var waiting []string
	for _, name := range e.sharing(a) {
		mark, _, err := e.Store.Meta(ctx, notRunMeta(name))
		if err != nil {
			return nil, err
		}
		if !known || mark == "1" {
			waiting = append(waiting, name)
		}
	}
	return waiting, nil
}

// sharing names the automations of the same space, including a itself.
func (e *Engine) sharing(a Automation) []string {
	names := []string{a.Settings.Automation}
	for name, other := range e.configured.Load().automations {
		if name != a.Settings.Automation && other.Settings.Space() == a.Settings.Space() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// knowLinks records that an automation has restored its links. If it is the
// first of its space, the others are marked as not run yet.
func (e *Engine) knowLinks(ctx context.Context, a Automation) error {
	_, known, err := e.Store.Meta(ctx, linksKnownMeta(a.Settings.Space()))
	for _, name := range e.sharing(a) {
		if name != a.Settings.Automation && !known && err == nil {
			err = e.Store.SetMeta(ctx, notRunMeta(name), "1")
		}
	}
	if err == nil {
		err = e.Store.SetMeta(ctx, notRunMeta(a.Settings.Automation), "0")
	}
	if err == nil {
		err = e.Store.SetMeta(ctx, linksKnownMeta(a.Settings.Space()), e.Now().UTC().Format(time.RFC3339))
	}
	return err
}

// remember stores what the next run needs to know, after everything is
// applied.
func (e *Engine) remember(ctx context.Context, r *run, made planned) error {
	count, err := e.Store.CountLinks(ctx, r.Automation)
	if err == nil {
		err = e.Store.NoteLinks(ctx, r.Automation, count)
	}
	if err == nil && r.chosen != nil {
		return nil // what a whole delivery says is not known
	}
	if err == nil && made.complete && made.Records.Delivered > 0 {
		err = e.Store.SetMeta(ctx, deliveredMeta(r.Automation), strconv.Itoa(made.Records.Delivered))
	}
	for endpoint, counts := range made.joined {
		if err == nil && made.Doubt == "" { // what a person approved or rejected is believed
			err = e.Store.SetMeta(ctx, joinedMeta(r.Automation, endpoint), counts)
		}
	}
	if err == nil {
		err = e.Store.MarkDelivered(ctx, r.lease, r.automation.Settings.Space(), made.delivered, made.absent)
	}
	if err == nil && made.Records.Delivered > 0 { // an empty answer restores no link
		err = e.Store.SetMeta(ctx, straysMeta(r.Automation), strconv.Itoa(made.strays))
	}
	if err == nil && made.Records.Delivered > 0 {
		err = e.knowLinks(ctx, r.automation)
	}
	if err != nil {
		return fmt.Errorf("remember run %d: %w", r.ID, err)
	}
	return nil
}

func (e *Engine) updateLink(ctx context.Context, r *run, u plan.LinkUpdate) error {
	link, ok, err := e.Store.LinkByKey(ctx, r.automation.Settings.Space(), u.Key)
	if err != nil || !ok {
		return err
	}
	defer e.objects.Lock(link.GUID)() // another run may be writing to it
	link, ok, err = e.Store.LinkByKey(ctx, r.automation.Settings.Space(), u.Key)
	if err != nil || !ok || u.GUID != "" && link.GUID != u.GUID { // a person has linked another account since the plan was made
		return err
	}
	if u.ClearMissing {
		link.MissingSince, link.Off = nil, ""
	}
	link.Unseen = link.Unseen && !u.Seen
	if u.Placed != "" {
		link.Placed, link.OU, link.Left, link.LeftOU = u.Placed, u.OU, "", ""
	}
	link.Stripped = slices.DeleteFunc(link.Stripped, func(g ident.GUID) bool { return slices.Contains(u.Rejoined, g) })
	if len(u.Agreed) > 0 {
		applied := maps.Clone(u.Agreed)
		for name, digest := range link.Applied {
			if _, agreed := applied[name]; !agreed {
				applied[name] = digest
			}
		}
		link.Applied = applied
	}
	return e.Store.PutLink(ctx, link, r.By)
}
