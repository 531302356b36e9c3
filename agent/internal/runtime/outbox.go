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

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// dispatch carries orchestrations out until ctx ends. Runs go on when that cannot
// be done, so an error does not stop the agent.
func (a *Agent) dispatch(ctx context.Context) {
	read := &objects{agent: a, rules: ident.Schema{}}
	defer read.close()
	for ctx.Err() == nil {
		err := dispatch.New(dispatch.Settings{
			Store: a.store, Sender: sender{a}, Directory: read, Actors: a.now.Load().actors(), Log: a.log, Owner: "agent",
		}).Run(ctx)
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

// sender sends to the applications of the present snapshot.
type sender struct{ agent *Agent }

var _ dispatch.Sender = sender{}

// Applications returns the settings of the applications that are enabled and have a
// connector.
func (s sender) Applications() map[string]map[string]any {
	now := s.agent.now.Load()
	out := map[string]map[string]any{}
	for name, conf := range now.config.Applications {
		c := now.connectors[conf.Connector]
		if !conf.Enabled || c.Connector == nil || c.err != nil {
			continue
		}
		settings := map[string]any{}
		for _, d := range c.manifest.Settings {
			if d.Default != nil {
				settings[d.Name] = d.Default
			}
		}
		maps.Copy(settings, conf.Settings)
		out[name] = settings
	}
	return out
}

// Send carries out one call. The body of the answer has no credentials of the
// application.
func (s sender) Send(ctx context.Context, application string, call abi.InvokeCall) (host.Answer, error) {
	now := s.agent.now.Load()
	conf, ok := now.config.Applications[application]
	if !ok {
		return host.Answer{}, notSent(application, fmt.Errorf("there is no application %q in the configuration any more", application))
	}
	c, err := now.servedTo(conf)
	if err != nil {
		return host.Answer{}, notSent(application, err)
	}
	target, err := now.Application(ctx, conf, c.manifest)
	if err != nil {
		return host.Answer{}, notSent(application, err)
	}
	answer, err := c.Invoke(ctx, target, call)
	for _, secret := range target.Credentials.Redact() {
		if secret != "" {
			answer.Body = []byte(strings.ReplaceAll(string(answer.Body), secret, "***"))
		}
	}
	return answer, err
}

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
	agent *Agent

	mu     sync.Mutex
	client *conn.Client
	rules  ident.Schema // of the attributes that were asked for
}

var _ dispatch.Directory = (*objects)(nil)

// Object returns the object with a GUID.
func (o *objects) Object(ctx context.Context, guid ident.GUID, attributes []string) (ident.Entry, bool, error) {
	return o.get(ctx, conn.ByGUID(guid), attributes)
}

// Named returns the object with a DN.
func (o *objects) Named(ctx context.Context, dn ident.DN, attributes []string) (ident.Entry, bool, error) {
	return o.get(ctx, conn.ByDN(dn), attributes)
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
	c, err := o.agent.now.Load().Connect(ctx, "")
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
