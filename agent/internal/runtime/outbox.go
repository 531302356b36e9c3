package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/dirstep"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// dispatch carries orchestrations out until ctx ends. Runs go on when that cannot
// be done, so an error does not stop the agent.
func (a *Agent) dispatch(ctx context.Context) {
	read := a.objects()
	defer read.close()
	var watching sync.WaitGroup
	watching.Go(func() { dirstep.Watch(ctx, func() *dirstep.Actor { return a.now.Load().steps() }) })
	defer watching.Wait()
	for ctx.Err() == nil {
		err := a.dispatcher(read, 0).Run(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		a.log.Error("nothing is sent to applications for the moment", "cause", err, "next", "the agent tries again by itself")
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
}

// objects reads the directory of the present snapshot.
func (a *Agent) objects() *objects {
	return newObjects(func(ctx context.Context) (*conn.Client, error) { return a.now.Load().Connect(ctx, "") })
}

// dispatcher returns a dispatcher that follows the agent's snapshots, and is woken
// from now on. poll is how often it looks for work by itself; 0 is the default.
func (a *Agent) dispatcher(read dispatch.Directory, poll time.Duration) *dispatch.Dispatcher {
	d := dispatch.New(dispatch.Settings{
		Store: a.store, Sender: sender{a}, Directory: read, Sealer: a.vault, Log: a.log, Owner: "agent", Poll: poll,
		Observe: a.metrics.Delivered,
		Actors:  func() map[orchestration.Kind]dispatch.Actor { return a.now.Load().actors() },
	})
	a.outbox.Store(d)
	return d
}

// outboxNow counts for the metrics.
func (a *Agent) outboxNow(ctx context.Context) (metrics.Outbox, error) {
	depth, err := a.store.OutboxDepth(ctx)
	if err != nil {
		return metrics.Outbox{}, err
	}
	counts, err := a.store.InstanceCounts(ctx)
	out := metrics.Outbox{Depth: map[string]int{}, Oldest: depth.Oldest}
	for state, n := range depth.States {
		out.Depth[string(state)] = n
	}
	for _, c := range counts {
		one := metrics.OrchestrationCount{Name: c.Orchestration, State: string(c.Status), Count: c.Count}
		out.Orchestrations = append(out.Orchestrations, one)
	}
	return out, err
}

// wake tells the dispatcher that something may be due.
func (a *Agent) wake() {
	if d := a.outbox.Load(); d != nil {
		d.Wake()
	}
}

// drain carries out what is due of orchestrations, and leaves the rest.
func (a *Agent) drain(ctx context.Context) error {
	read := a.objects()
	defer read.close()
	a.now.Load().steps().Look(ctx)
	return a.dispatcher(read, 0).Drain(ctx)
}

// sender sends to the applications of the present snapshot.
type sender struct{ agent *Agent }

var _ dispatch.Sender = sender{}

// Applications returns the settings of all applications. One that is not enabled,
// or whose connector does not serve, has links and settings too: the steps of an
// orchestration depend on them.
func (s sender) Applications() map[string]map[string]any {
	return s.agent.now.Load().outboundSettings()
}

// Sends reports whether an application is enabled and has a connector.
func (s sender) Sends(application string) bool { return s.agent.now.Load().sends(application) }

// Send carries out one call. The body of the answer has no credentials of the
// application.
func (s sender) Send(ctx context.Context, application string, call dispatch.Outgoing) (host.Answer, error) {
	return s.agent.now.Load().send(ctx, application, call, nil)
}

// outboundSettings returns the settings of the applications.
func (s *Snapshot) outboundSettings() map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, conf := range s.config.Applications {
		out[name] = settingsOf(conf, s.connectors[conf.Connector].manifest)
	}
	return out
}

// NotSending returns why nothing is sent to an application now, with the next step;
// nil when something is. While the connectors are not loaded, only the configuration
// is looked at.
func (a *Agent) NotSending(application string) error {
	s := a.now.Load()
	conf, known := s.config.Applications[application]
	switch {
	case !known:
		return fmt.Errorf("there is no application %q in the configuration any more: put it back, or drop the delivery", application)
	case !conf.Enabled:
		return fmt.Errorf("%s: application %s is not enabled, and its queue is kept until it is", conf.Pos, application)
	case s.connectors == nil:
		return nil
	}
	_, err := s.servedTo(conf)
	return err
}

func (s *Snapshot) sends(application string) bool {
	conf := s.config.Applications[application]
	c := s.connectors[conf.Connector]
	return conf.Enabled && c.Connector != nil && c.err == nil
}

// settingsOf returns the settings of an application, with the defaults of its
// connector.
func settingsOf(conf config.Application, m abi.Manifest) map[string]any {
	settings := map[string]any{}
	for _, d := range m.Settings {
		if d.Default != nil {
			settings[d.Name] = d.Default
		}
	}
	maps.Copy(settings, conf.Settings)
	return settings
}

// send carries out one call. watch is told of each request; nil: nobody is.
func (s *Snapshot) send(ctx context.Context, application string, call dispatch.Outgoing, watch func(host.Exchange)) (host.Answer, error) {
	c, target, err := s.target(ctx, application, call.About)
	if err != nil {
		return host.Answer{}, notSent(application, err)
	}
	target.Watch = watch
	if len(call.Hide) > 0 {
		target.Credentials = hiding{target.Credentials, call.Hide}
	}
	answer, err := c.Invoke(ctx, target, call.InvokeCall)
	for _, secret := range target.Credentials.Redact() {
		if secret != "" {
			answer.Body = []byte(strings.ReplaceAll(string(answer.Body), secret, "***"))
		}
	}
	return answer, err
}

// target returns an application for a call about an object, and the connector that
// makes it.
func (s *Snapshot) target(ctx context.Context, application string, about *dispatch.Subject) (served, host.Application, error) {
	conf, ok := s.config.Applications[application]
	if !ok {
		return served{}, host.Application{}, fmt.Errorf("there is no application %q in the configuration any more", application)
	}
	c, err := s.servedTo(conf)
	if err != nil {
		return c, host.Application{}, err
	}
	target, err := s.Application(ctx, conf, c.manifest)
	target.Macros = s.rules[application].Renderer(about)
	return c, target, err
}

// hiding adds texts to those that nobody may see. An instance of the connector
// serves no other call after one that held them: see host.Connector.
type hiding struct {
	host.Credentials
	texts []string
}

// Redact lists the texts beside those of the credentials.
func (h hiding) Redact() []string { return append(h.Credentials.Redact(), h.texts...) }

// notSent is the error of a call that did not get as far as the connector.
func notSent(application string, err error) error {
	return &host.CallError{
		Application: application, Kind: abi.KindConfig, Message: fmt.Sprintf("nothing was sent to %s: %v", application, err), Err: err,
		Next: "put that right; the delivery is tried again by itself",
	}
}

// objects reads objects from the directory over one connection, which is opened
// when it is first needed, and again after a failure.
type objects struct {
	connect func(context.Context) (*conn.Client, error)

	mu     sync.Mutex
	client *conn.Client
	rules  ident.Schema // of the attributes that were asked for
}

var _ dispatch.Directory = (*objects)(nil)

func newObjects(connect func(context.Context) (*conn.Client, error)) *objects {
	return &objects{connect: connect, rules: ident.Schema{}}
}

// Object returns the object with a GUID.
func (o *objects) Object(ctx context.Context, guid ident.GUID, attributes []string) (ident.Entry, bool, error) {
	return o.get(ctx, conn.ByGUID(guid), attributes)
}

// Named returns the object with a DN.
func (o *objects) Named(ctx context.Context, dn ident.DN, attributes []string) (ident.Entry, bool, error) {
	e, found, err := o.get(ctx, conn.ByDN(dn), attributes)
	if errors.Is(err, conn.ErrReferral) {
		err = fmt.Errorf("%w: %w", react.ErrElsewhere, err)
	}
	return e, found, err
}

func (o *objects) get(ctx context.Context, target conn.Target, attributes []string) (ident.Entry, bool, error) {
	if len(attributes) == 0 {
		attributes = []string{"objectGUID"} // none would be all
	}
	var e ident.Entry
	err := o.use(ctx, func(c *conn.Client) (err error) {
		e, err = c.Get(ctx, target, attributes)
		return err
	})
	if errors.Is(err, conn.ErrNotFound) {
		return ident.Entry{}, false, nil
	}
	return e, err == nil, err
}

// Schema returns what is known about attributes.
func (o *objects) Schema(ctx context.Context, attributes []string) (ident.Schema, error) {
	o.mu.Lock()
	known := maps.Clone(o.rules)
	o.mu.Unlock()
	missing := slices.DeleteFunc(slices.Clone(attributes), func(name string) bool {
		_, ok := known[text.Lower(name)]
		return ok || name == "*"
	})
	if len(missing) == 0 {
		return known, nil
	}
	err := o.use(ctx, func(c *conn.Client) error {
		read, err := mirror.ReadSchema(ctx, c, missing)
		maps.Copy(known, read)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.rules, known)
	return known, nil
}

// use calls do with the connection. One that fails is not used again.
func (o *objects) use(ctx context.Context, do func(*conn.Client) error) error {
	c, err := o.open(ctx)
	if err != nil {
		return fmt.Errorf("connect to the directory: %w", err)
	}
	err = do(c)
	if err != nil && !errors.Is(err, conn.ErrNotFound) && ctx.Err() == nil {
		o.drop(c)
	}
	return err
}

func (o *objects) open(ctx context.Context) (*conn.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		return o.client, nil
	}
	c, err := o.connect(ctx)
	if err != nil {
		return nil, err
	}
	o.client = c
	return c, nil
}

// drop closes a connection that has failed.
func (o *objects) drop(c *conn.Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client == c {
		o.client = nil
		_ = c.Close()
	}
}

// close ends the connection.
func (o *objects) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		_ = o.client.Close()
		o.client = nil
	}
}
