package runtime

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/dirstep"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// dispatch carries orchestrations out until ctx ends. Runs go on when that cannot
// be done, so an error does not stop the agent.
func (a *Agent) dispatch(ctx context.Context) {
	ctx = unattended(ctx)
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
	return newObjects(access{
		source: func(ctx context.Context) (string, error) { return a.now.Load().source(ctx) },
		dial:   func(ctx context.Context, prefer string) (reader, error) { return a.now.Load().reader(ctx, prefer) },
		only:   func(ctx context.Context, url string) (reader, error) { return a.now.Load().readerOnly(ctx, url) },
	})
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
	ctx = unattended(ctx)
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
