package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// proposal is the basis for judging a link by hand: the delivered record of
// its key, and the present directory.
type proposal struct {
	staging int64
	record  *ident.Record // nil if no usable record was delivered
	cause   string        // why there is no record
	client  Directory
	builder *plan.Builder
}

// propose fetches everything from the source and calls judge with what it
// delivers for a key. It writes nothing.
func (e *Engine) propose(ctx context.Context, a Automation, key ident.Key, judge func(proposal) error) error {
	d, err := e.fetchAll(ctx, a)
	defer e.dropStaging(ctx, d.stagings()...)
	if err != nil {
		return err
	}
	p := proposal{staging: d.staging}
	if p.record, p.cause, err = e.delivered(ctx, a, d, key); err != nil {
		return err
	}
	return e.connected(ctx, func(client Directory) error {
		p.client = client
		return e.alone(ctx, a.Settings.Automation, func() error {
			v, schema, err := e.current(ctx, a, client, false, nil)
			if err != nil {
				return err
			}
			defer v.close()
			if a, err = a.under(schema); err != nil {
				return err
			}
			if p.builder, err = e.builder(ctx, a, v); err != nil {
				return err
			}
			return judge(p)
		})
	})
}

// delivered finds the delivered record of a key; without one, cause says why.
func (e *Engine) delivered(ctx context.Context, a Automation, d delivery, key ident.Key) (rec *ident.Record, cause string, err error) {
	cause = fmt.Sprintf("%s does not deliver a record with the key %s", a.Settings.Application, key)
	err = e.eachArrival(ctx, a, &d, func(s arrival) error {
		switch {
		case s.Record.Key != key:
		case s.Deleted:
			cause = fmt.Sprintf("%s reports that the key %s was deleted", a.Settings.Application, key)
		case s.Records > 1:
			cause = fmt.Sprintf("%s delivers the key %s more than once", a.Settings.Application, key)
		case s.without != "":
			cause = fmt.Sprintf("endpoint %s has no record with the key %s, and join = \"inner\" leaves out who has none", s.without, key)
		case s.Record.Problem != "":
			cause = fmt.Sprintf("the record of the key %s cannot be used: %s", key, s.Record.Problem)
		case s.Records == 1:
			rec = &s.Record
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("look for the key %s among the records of data source %s: %w", key, a.Settings.DataSource, err)
	}
	return rec, cause, nil
}

// refusal wraps an error of the adoption rules as ErrCannotLink, so that
// callers can tell it from a failure.
func refusal(err error) error {
	var refused *plan.RefusedError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrCannotLink, err)
	}
	return err
}

// linkByHand writes a link that a person asked for, with its anchor, as a run
// of its own.
func (e *Engine) linkByHand(ctx context.Context, a Automation, hand plan.HandMade, by string) (link ident.Link, err error) {
	request := Request{Automation: a.Settings.Automation, Kind: store.KindLink, By: by}
	_, err = e.record(ctx, a, request, func(ctx context.Context, r *run) error {
		r.delivered = hand.Seen
		return e.connected(ctx, func(client Directory) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			if err := e.rememberKey(ctx, a); err != nil {
				return err
			}
			t := apply.Task{Change: &hand.Change, Op: hand.Change.Operations[0], Approved: by, Origin: ident.OriginManual}
			if err := r.job.Apply(ctx, []apply.Task{t}); err != nil {
				return err
			}
			link, err = e.madeLink(ctx, r, hand.Change)
			return err
		})
	})
	return link, err
}

// madeLink returns the link that a run by hand has made, or says why there is
// none. A link to another account is not from this run.
func (e *Engine) madeLink(ctx context.Context, r *run, change ident.Change) (ident.Link, error) {
	link, ok, err := e.Store.LinkByKey(ctx, r.automation.Settings.Space(), change.Key)
	if err != nil || ok && link.GUID == change.GUID {
		return link, err
	}
	outcomes, err := e.Store.Outcomes(ctx, r.ID)
	if err != nil {
		return ident.Link{}, fmt.Errorf("read the outcomes of run %d: %w", r.ID, err)
	}
	for _, o := range outcomes {
		return ident.Link{}, fmt.Errorf("%w: %s; next: %s", ErrCannotLink, o.Cause, o.Next)
	}
	return ident.Link{}, fmt.Errorf("%w: run %d did nothing; see `rollcall runs %d`", ErrCannotLink, r.ID, r.ID)
}

// readAccount reads an account with the names that people know it by.
func readAccount(ctx context.Context, client Directory, guid ident.GUID) (AccountSide, ident.Entry, error) {
	read, err := client.Get(ctx, conn.ByGUID(guid),
		[]string{"sAMAccountName", "displayName", "cn", "mail", "proxyAddresses", "userAccountControl"})
	if err != nil {
		return AccountSide{}, read, fmt.Errorf("read the account %s: %w", guid, err)
	}
	name := read.Attributes.First("displayName")
	if name == "" {
		name = read.Attributes.First("cn")
	}
	disabled, _ := read.Disabled()
	return AccountSide{
		DN: read.DN, SAMAccountName: read.Attributes.First("sAMAccountName"), Name: name,
		Mail: read.Attributes.First("mail"), Enabled: !disabled,
	}, read, nil
}
