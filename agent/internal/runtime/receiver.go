package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/receiver"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// receive takes what applications send, and makes runs of it, until the context of
// the group ends.
func (a *Agent) receive(ctx context.Context, group *errgroup.Group, e *engine.Engine) {
	conf := a.Config().Receiver
	r := receiver.New(receiver.Settings{
		URL: conf.URL, MaxBody: int64(conf.MaxBodyKiB) << 10, MaxAge: conf.MaxAge,
		Applications: senders{a}, Store: a.store, Runner: instant{a, e}, Observer: a.metrics, Log: a.log,
	})
	a.metrics.Receiver(func() ([]metrics.Waiting, error) { return a.waiting(context.WithoutCancel(ctx)) })
	group.Go(func() error { r.Work(ctx); return nil }) // also without a server: something may be open from before
	if conf.Listen == "" {
		return
	}
	a.logReceivers()
	r.Check(ctx)
	group.Go(func() error { a.serveReceiver(ctx, r, conf); return nil })
}

// logReceivers logs which applications cannot tell of changes, although they may.
func (a *Agent) logReceivers() {
	now := a.now.Load()
	for _, name := range slices.Sorted(maps.Keys(now.config.Applications)) {
		conf := now.config.Applications[name]
		if m, err := now.servedTo(conf); err == nil && conf.Enabled {
			for _, wrong := range fit.Receiver(conf, m.manifest) {
				a.log.Error("an application cannot tell of changes", "application", name, "cause", wrong)
			}
		}
	}
}

// receiverAgain is how long to wait when the receiver cannot serve.
const receiverAgain = 30 * time.Second

// serveReceiver serves until ctx ends. An error does not stop the agent: runs by
// the schedule find what is not received.
func (a *Agent) serveReceiver(ctx context.Context, r *receiver.Receiver, conf config.Receiver) {
	for ctx.Err() == nil {
		err := a.serveReceiverOnce(ctx, r, conf)
		if err == nil || ctx.Err() != nil {
			return
		}
		a.log.Error("nothing is received from applications for the moment", "cause", err,
			"next", "correct it: the agent tries again by itself, and runs by the schedule go on")
		select {
		case <-ctx.Done():
		case <-time.After(receiverAgain):
		}
	}
}

func (a *Agent) serveReceiverOnce(ctx context.Context, r *receiver.Receiver, conf config.Receiver) error {
	var certificate *receiver.Certificate
	if conf.TLS.CertFile != "" {
		var err error
		if certificate, err = receiver.LoadCertificate(conf.TLS.CertFile, conf.TLS.KeyFile, a.log); err != nil {
			return err
		}
	}
	l, err := receiver.Listen(ctx, conf.Listen)
	if err != nil {
		return err
	}
	scheme := "http://"
	if certificate != nil {
		scheme = "https://"
	}
	a.log.Info("applications may tell of changes", "url", scheme+l.Addr().String())
	return r.Serve(ctx, l, certificate)
}

// givenUpFor is how long what was given up is shown: the schedule has found it by
// then.
const givenUpFor = 24 * time.Hour

// waiting counts what waits and what was given up, also of applications of which
// there is nothing.
func (a *Agent) waiting(ctx context.Context) ([]metrics.Waiting, error) {
	counts, err := a.store.OpenReceiptCounts(ctx)
	if err != nil {
		return nil, err
	}
	givenUp, err := a.store.GivenUpReceipts(ctx, time.Now().Add(-givenUpFor))
	all := map[string]metrics.Waiting{}
	for _, app := range (senders{a}).All() {
		all[app.Name] = metrics.Waiting{Application: app.Name}
	}
	for _, c := range counts {
		all[c.Application] = metrics.Waiting{Application: c.Application, Open: c.Open, Oldest: c.Oldest}
	}
	for application, n := range givenUp {
		one := all[application]
		one.Application, one.GivenUp = application, n
		all[application] = one
	}
	return slices.Collect(maps.Values(all)), err
}

// senders are the applications of the present snapshot that may tell of changes.
type senders struct{ agent *Agent }

var _ receiver.Applications = senders{}

// All implements receiver.Applications.
func (s senders) All() []receiver.Application {
	now := s.agent.now.Load()
	var all []receiver.Application
	for _, name := range slices.Sorted(maps.Keys(now.config.Applications)) {
		conf := now.config.Applications[name]
		m, known := now.sending(conf)
		if !known && conf.Enabled && conf.Receiver.Enabled && !now.serves(conf) {
			all = append(all, receiver.Application{Name: name, Unserved: true})
			continue
		}
		if !known || len(fit.Receiver(conf, m)) > 0 {
			continue
		}
		secret := conf.Receiver.Secret
		if m.Receiver.Auth.Kind == abi.ReceiverBasic {
			secret = conf.Receiver.Password
		}
		all = append(all, receiver.Application{Name: name, Receiver: *m.Receiver, Username: conf.Receiver.Username, Secret: now.secret(secret)})
	}
	return all
}

// serves reports whether the connector of an application serves.
func (s *Snapshot) serves(conf config.Application) bool {
	c, served := s.connectors[conf.Connector]
	return served && c.err == nil
}

// sending returns the manifest of an application that may tell of changes; false
// when its connector does not know now what that looks like.
func (s *Snapshot) sending(conf config.Application) (abi.Manifest, bool) {
	m := s.connectors[conf.Connector].manifest
	return m, conf.Enabled && conf.Receiver.Enabled && s.serves(conf) && m.Receiver != nil
}

// Reads implements receiver.Applications.
func (s senders) Reads(application, records string) ([]string, bool) {
	now := s.agent.now.Load()
	conf, configured := now.config.Applications[application]
	if !configured || !conf.Enabled || !conf.Receiver.Enabled {
		return nil, true
	}
	m, known := now.sending(conf)
	if !known {
		return nil, false
	}
	endpoint, ok := m.Receiver.About(records)
	if !ok {
		return nil, true
	}
	return now.reading[application+"/"+endpoint], true
}

// readers lists the automations that read the records of each endpoint, by
// application and endpoint.
func (s *Snapshot) readers() map[string][]string {
	all := map[string][]string{}
	for _, automation := range s.names() {
		application := s.applicationOf(automation)
		if c, served := s.connectors[application.Connector]; served && c.err == nil {
			at := application.Name + "/" + fit.Reads(s.config, automation, c.manifest, time.Now())
			all[at] = append(all[at], automation)
		}
	}
	return all
}

// instant runs automations for what applications sent.
type instant struct {
	agent  *Agent
	engine *engine.Engine
}

var _ receiver.Runner = instant{}

// RunKeys implements receiver.Runner.
func (i instant) RunKeys(ctx context.Context, automation, by string, keys []ident.Key) (int64, error) {
	report, err := i.engine.RunKeys(unattended(ctx), engine.Request{Automation: automation, Kind: store.KindInstant, By: by}, keys)
	var single *engine.NoSingleError
	if errors.As(err, &single) {
		return 0, hopeless{err}
	}
	if err != nil {
		return report.ID, err
	}
	i.agent.logReport(report)
	return report.ID, untold(report)
}

// untold returns an error when a run has to be made again for what an application
// told: no write of it succeeded, or records could not be fetched. What is held,
// refused by limits or in quarantine waits for a person instead, and a value that the
// directory has refused before for its own time.
func untold(r engine.Report) error {
	switch {
	case r.Result == store.RunFailed && (r.Count(ident.ResultFailed) > 0 || r.Summary.Refused == 0):
		return fmt.Errorf("run %d: %s", r.ID, r.Error)
	case len(r.Unread) > 0:
		return unread{run: r.ID, why: r.Unread}
	}
	return nil
}

// unread says which records a run could not fetch.
type unread struct {
	run int64
	why map[ident.Key]string
}

var _ receiver.Partly = unread{}

// Unread implements receiver.Partly.
func (u unread) Unread(key ident.Key) bool { _, is := u.why[key]; return is }

// Error names the first of them.
func (u unread) Error() string {
	first := slices.Sorted(maps.Keys(u.why))[0]
	return fmt.Sprintf("run %d could not fetch %d of its records; key %s: %s", u.run, len(u.why), first, u.why[first])
}

// hopeless is an error that another attempt does not mend.
type hopeless struct{ error }

var _ receiver.Hopeless = hopeless{}

// Hopeless implements receiver.Hopeless.
func (hopeless) Hopeless() bool { return true }

// Unwrap returns the error itself.
func (h hopeless) Unwrap() error { return h.error }
