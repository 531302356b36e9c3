package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// TrialRequest asks for a webhook to be tried about one object.
type TrialRequest struct {
	Webhook string
	Kind    find.Kind
	Object  string // as find.One takes it
	DryRun  bool   // nothing is sent
	By      string // who asks, for the journal
}

// Trial is what a webhook would send about an object, or what was sent and what
// came of it. It holds no secrets.
type Trial struct {
	Webhook     string     `json:"webhook"`
	Application string     `json:"application"`
	GUID        ident.GUID `json:"guid"`
	DN          ident.DN   `json:"dn"`
	Name        string     `json:"name"`
	// OutOfScope says that the object lies outside of the directory's scope, so
	// that no automation concerns it.
	OutOfScope bool            `json:"out_of_scope,omitempty"`
	LinkKind   string          `json:"link_kind,omitempty"`  // of the links that the webhook uses and makes
	Linked     ident.Key       `json:"linked,omitempty"`     // the key that the object has, by a link of that kind
	Queued     int             `json:"queued,omitempty"`     // deliveries for it that are open, and that the call overtakes
	MakesLink  bool            `json:"makes_link,omitempty"` // the webhook has a link_key
	NotEnabled bool            `json:"not_enabled,omitempty"`
	DryRun     *host.Rehearsal `json:"dry_run,omitempty"`
	// Sent are the requests that were sent, with their answers.
	Sent []host.Exchange `json:"sent,omitempty"`
	// Verdict is what the dispatcher would make of a delivery with this end;
	// nil in a dry run.
	Verdict *dispatch.Verdict `json:"verdict,omitempty"`
	// Retries says how often a delivery is sent unless its step says otherwise.
	Retries Retries `json:"retries,omitzero"`
	// Link is the one that the object has now because of the call; LinkProblem
	// says why it has none although the answer has a key.
	Link        *ident.Link `json:"link,omitempty"`
	LinkIsNew   bool        `json:"link_is_new,omitempty"`
	LinkProblem string      `json:"link_problem,omitempty"`
}

// Retries says how often and when a failed delivery is sent again: after First, then
// after twice as long each time, up to Longest.
type Retries struct {
	Attempts int    `json:"attempts"` // the first one included
	First    string `json:"first"`    // "30s"
	Longest  string `json:"longest"`  // "6h"
}

// trial is a webhook that is being tried.
type trial struct {
	*Snapshot
	TrialRequest
	out   Trial
	about fit.Listed
	read  *objects
	call  dispatch.Outgoing
}

// Try renders a webhook for an object as a delivery does and sends it once, or
// shows in a dry run what it would send. A call that was sent is noted in the
// journal, and its link is made. A call that fails is no error: Verdict says so. An
// error means that nothing was sent; it is an *exit.UsageError when the request or
// the configuration is at fault.
func (s *Snapshot) Try(ctx context.Context, r TrialRequest) (Trial, error) {
	t := &trial{Snapshot: s, TrialRequest: r, read: s.objects()}
	defer t.read.close()
	if err := t.prepare(ctx); err != nil {
		return Trial{}, err
	}
	if r.DryRun {
		return t.out, t.rehearse(ctx)
	}
	err := t.send(ctx)
	return t.out, err
}

// prepare finds webhook and object, and renders the call.
func (t *trial) prepare(ctx context.Context) error {
	var err error
	if t.about, err = t.Snapshot.Webhook(t.TrialRequest.Webhook); err != nil {
		return exit.Mistake(err)
	}
	t.out.Webhook, t.out.Application, t.out.MakesLink = t.about.Name, t.about.Application, t.about.Call.LinkKey != ""
	t.out.LinkKind = t.about.LinkKind
	t.out.NotEnabled = !t.config.Applications[t.about.Application].Enabled
	m, _ := t.manifest(t.about.Application)
	o, err := fit.Alone(t.config, t.about.Name, m)
	switch {
	case err != nil:
		return exit.Mistake(err)
	case t.about.Problem != nil && !(t.DryRun && t.out.NotEnabled):
		return exit.Mistake(t.about.Problem)
	}
	if slices.Contains(t.about.Uses, "password") {
		return exit.Mistake(fmt.Errorf("webhook %s uses the initial password of a new account, which exists only where password.deliver "+
			"hands it over, so that it cannot be tried by itself; nothing was sent", t.about.Name))
	}
	e, err := t.FindObject(ctx, t.Kind, t.Object)
	if err != nil {
		return err
	}
	t.out.GUID, t.out.DN, t.out.Name = e.GUID, e.DN, e.DN.Name()
	t.out.OutOfScope = !t.config.Directory.Scope.Holds(e.DN)
	if err := t.queued(ctx); err != nil {
		return err
	}
	return t.render(ctx, o)
}

// space is where the keys of the links belong that the webhook uses and makes.
func (t *trial) space() ident.Space { return ident.SpaceOf(t.about.Application, t.about.LinkKind) }

// queued counts the deliveries that wait for the object and the application.
func (t *trial) queued(ctx context.Context) error {
	return t.store.Deliveries(ctx, store.DeliveryFilter{
		Application: t.about.Application, GUID: t.out.GUID,
		States: []store.DeliveryState{store.DeliveryQueued, store.DeliverySending, store.DeliveryRetrying, store.DeliveryDead},
	}, func(store.Delivery) error {
		t.out.Queued++
		return nil
	})
}

// render fills the templates in with the object as it is now.
func (t *trial) render(ctx context.Context, o *orchestration.Orchestration) error {
	from := dispatch.Source{Links: t.store, Directory: t.read, Settings: t.outboundSettings(), Now: time.Now}
	v, err := from.Values(ctx, o, t.out.GUID, orchestration.Input{})
	if err != nil {
		return err
	}
	if v.Object == nil {
		return fmt.Errorf("%s was deleted in this moment: nothing was sent", t.out.DN)
	}
	for _, l := range v.Links {
		if ident.SpaceOf(l.Application, l.Kind) == t.space() {
			t.out.Linked = l.Key
		}
	}
	w, err := fit.RenderAlone(o, v)
	t.call = dispatch.Outgoing{
		InvokeCall: dispatch.Call(w, false), About: from.Subject(o, t.out.GUID, orchestration.Input{}, 0, o.Start(v.Now), v),
	}
	var missing *outbound.MissingError
	switch {
	case errors.As(err, &missing) && t.out.Linked == "" && t.about.UsesLink():
		return t.unlinked(err)
	case errors.As(err, &missing):
		return fmt.Errorf("nothing was sent about %s: %w%s", t.out.DN, err, t.withoutChange())
	case err != nil:
		return fmt.Errorf("nothing was sent about %s: %w", t.out.DN, err)
	}
	return nil
}

// unlinked is the error for a webhook that needs the link of an object without one.
func (t *trial) unlinked(err error) error {
	makes := ""
	all, _ := t.Webhooks()
	for _, w := range all {
		same := ident.SpaceOf(w.Application, w.LinkKind) == t.space() &&
			w.Call.Path+w.Call.URL+"/{{ link.key }}" == t.about.Call.Path+t.about.Call.URL
		if same && w.Call.LinkKey != "" && w.Problem == nil {
			makes = " A webhook that makes one is " + w.Name + "."
		}
	}
	makes += " A step of an orchestration that is to pass such objects over has if = 'link != null'."
	return fmt.Errorf("%s has no link to application %s, and %s is about what it is linked to. Nothing was sent.%s\n%w",
		t.out.DN, t.about.Application, t.about.Name, makes, err)
}

// withoutChange is what to add to the error about a missing value.
func (t *trial) withoutChange() string {
	if slices.ContainsFunc(t.about.Uses, func(name string) bool {
		root, _, _ := strings.Cut(name, ".")
		return root == "old" || root == "change"
	}) {
		return "\nThe webhook uses old or change, which have a value only when a change of the object starts it; " +
			"with a test call nothing has changed."
	}
	return "\nA delivery would not be sent either: complete the object in the directory, or correct the webhook."
}

// rehearse shows what would be sent.
func (t *trial) rehearse(ctx context.Context) error {
	c, target, err := t.target(ctx, t.about.Application, t.call.About)
	if err != nil {
		return exit.Mistake(err)
	}
	r, err := c.Rehearse(ctx, target, t.call.InvokeCall)
	t.out.DryRun = &r
	return err
}

// send sends the call once, and records what became of it.
func (t *trial) send(ctx context.Context) error {
	answer, err := t.Snapshot.send(ctx, t.about.Application, t.call, func(x host.Exchange) { t.out.Sent = append(t.out.Sent, x) })
	if err != nil && ctx.Err() != nil && len(t.out.Sent) == 0 {
		return fmt.Errorf("it was stopped before anything was sent: %w", context.Cause(ctx))
	}
	v := dispatch.Judge(err)
	t.out.Verdict = &v
	t.out.Retries = Retries{
		orchestration.DefaultAttempts, orchestration.Spell(orchestration.DefaultBackoff), orchestration.Spell(orchestration.DefaultMax),
	}
	if len(t.out.Sent) == 0 {
		return nil // it did not get that far: there is nothing to record
	}
	note := store.TestCall{
		Application: t.about.Application, Webhook: t.about.Name, GUID: t.out.GUID, DN: t.out.DN, Name: t.out.Name, Cause: v.Cause,
	}
	if answer.LinkKey != "" && err == nil {
		note.Link = &ident.Link{Kind: t.space().Kind(), Key: ident.Key(answer.LinkKey)}
	}
	if t.about.Call.EndsLink && err == nil && t.out.Linked != "" {
		note.Ends = &ident.Link{Kind: t.space().Kind(), Key: t.out.Linked}
	}
	link, err := t.store.NoteTestCall(context.WithoutCancel(ctx), note, t.By)
	if err != nil {
		t.out.LinkProblem = err.Error()
		return nil
	}
	t.out.Link, t.out.LinkIsNew = link, link != nil && t.out.Linked != link.Key
	return nil
}
