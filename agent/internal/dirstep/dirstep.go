// Package dirstep carries out the directory steps of orchestrations: it reads the
// object as it is now, lets package orchestration say what is left to be written,
// and writes that through package apply, under the same scope, protection and
// journal as a run.
//
// What is over a limit is not begun: the instance is held until a person approves
// it. What a killed process was writing is looked up in the directory before the
// step goes on. The package has no part in when a step is due, and takes no lease of
// its own except to look up what nobody waits for any more (Settle).
package dirstep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Store keeps intents and outcomes: *store.Store.
type Store interface {
	apply.Store
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (store.Lease, error)
	ReleaseLease(ctx context.Context, lease store.Lease) error
	// CountSteps counts what the directory steps of an orchestration have done
	// since a time without an approval.
	CountSteps(ctx context.Context, orchestration string, since time.Time) (map[ident.Class]int, error)
	// Approver returns who last approved an instance; "" for nobody.
	Approver(ctx context.Context, instance int64) (string, error)
}

var _ Store = (*store.Store)(nil)

// Directory is a connection to one domain controller.
type Directory interface {
	write.Directory
	Close() error
}

// Settings say what an Actor works with.
type Settings struct {
	Store Store
	// Connect opens a connection, to the preferred domain controller if it can be
	// reached; "" means no preference.
	Connect func(ctx context.Context, prefer string) (Directory, error)
	Servers []string // URLs that Connect may use; none means any
	Rules   write.Rules
	// Objects are shared with everybody who writes to the directory.
	Objects *apply.Objects
	// Begun counts what is under way, for all Actors of an agent; nil: there is one.
	Begun *Begun
	// Limits returns what the directory steps of an orchestration may do in 24
	// hours.
	Limits func(orchestration string) map[ident.Class]plan.Limit
	// People counts the users of the scope, for limits that are a percentage.
	People func(context.Context) (int, error)
	Log    *slog.Logger
	Now    func() time.Time
}

// Actor carries out directory steps.
type Actor struct{ Settings }

var _ dispatch.Actor = (*Actor)(nil)

// New returns an Actor.
func New(s Settings) *Actor {
	if s.Begun == nil {
		s.Begun = &Begun{}
	}
	return &Actor{s}
}

// Act carries out one step.
func (s *Actor) Act(ctx context.Context, a dispatch.Action) dispatch.Done {
	if _, found, err := s.Store.RunByID(ctx, a.Instance.Run); err != nil {
		return failed(err, true, false)
	} else if !found {
		return failed(errors.New("what it did would belong to no run: it was started by an older rollcall; "+
			"cancel it and start it again"), false, false)
	}
	prefer, err := s.server(ctx, a.Instance.GUID)
	if err != nil {
		return failed(err, true, false)
	}
	client, err := s.Connect(ctx, prefer)
	if err != nil {
		return failed(fmt.Errorf("connect to the directory: %w", err), true, false)
	}
	defer func() { _ = client.Close() }()
	one := &step{Actor: s, Action: a, dir: client}
	if err := one.begin(ctx); err != nil {
		return failed(err, true, false)
	}
	if err := one.job.RecoverObject(ctx, a.Instance.GUID); err != nil {
		return failed(err, true, true)
	}
	return one.act(ctx)
}

// failed returns the result of a step that could not be carried out.
func failed(err error, retry, unsure bool) dispatch.Done {
	return dispatch.Done{Result: orchestration.Result{Error: err.Error(), Retry: retry, Unsure: unsure}}
}

// server returns the domain controller that knows what became of a write to an
// object; "" if none is in doubt.
func (s *Actor) server(ctx context.Context, guid ident.GUID) (string, error) {
	intents, err := s.Store.Intents(ctx)
	if err != nil {
		return "", fmt.Errorf("read the open intents: %w", err)
	}
	for i := range intents {
		if in := &intents[i]; in.GUID == guid && in.Application == "" {
			return in.Server, nil
		}
	}
	return "", nil
}

// job prepares writing over a connection.
func (s *Actor) job(ctx context.Context, dir Directory, o apply.Order) (*apply.Job, error) {
	writer, err := write.New(ctx, dir, s.Rules, s.Log)
	if err != nil {
		return nil, fmt.Errorf("prepare writing to the directory: %w", err)
	}
	o.Directory, o.Writer = dir, writer
	return apply.Begin(apply.Settings{
		Store: s.Store, Objects: s.Objects, Writers: 1, Anchor: s.Rules.Anchor, Servers: s.Servers,
		Configured: func(string) bool { return true }, Log: s.Log, Now: s.Now,
	}, o), nil
}

// step is one step under way.
type step struct {
	*Actor
	dispatch.Action
	dir  Directory
	job  *apply.Job
	done dispatch.Done

	left     map[ident.Class]int // operations that Begun counts
	recorded []ident.Outcome
	told     []ident.QuarantineItem
	crashed  bool // an internal error, or a write that could not be recorded
}

var _ apply.Listener = (*step)(nil)

// Recorded notes what became of an operation.
func (s *step) Recorded(o ident.Outcome) {
	s.recorded = append(s.recorded, o)
	s.counted(o.Operation.Class)
}

// Tell notes what needs a person.
func (s *step) Tell(item ident.QuarantineItem, failed bool) {
	s.told = append(s.told, item)
	s.crashed = s.crashed || failed
}

func (s *step) begin(ctx context.Context) (err error) {
	i := s.Instance
	var input orchestration.Input
	if len(i.Input) > 0 {
		if err := json.Unmarshal(i.Input, &input); err != nil {
			return fmt.Errorf("read what started the orchestration: %w", err)
		}
	}
	s.job, err = s.Actor.job(ctx, s.dir, apply.Order{
		Run: i.Run, By: i.By, Lease: s.Lease, Listener: s, Begun: apply.Begun{Automation: i.Automation, Hops: input.Hops},
		Step: &store.Orchestrated{
			Orchestration: i.Orchestration, Instance: i.ID, Step: s.Step, GUID: i.GUID, DN: i.DN, Name: i.Name, Status: string(i.Status),
		},
	})
	return err
}

func (s *step) act(ctx context.Context) dispatch.Done {
	object, found, err := s.read(ctx)
	switch {
	case err != nil:
		return failed(fmt.Errorf("read the object: %w", err), true, false)
	case !found && s.Directory.Action == orchestration.ActionDelete:
		return dispatch.Done{Answer: "the object does not exist any more: nothing is left to delete"}
	case !found:
		return failed(fmt.Errorf("%s does not exist in the directory any more; next: cancel the orchestration", s.Instance.DN), false, false)
	}
	ops, err := s.operations(ctx, object)
	var refused *orchestration.ValueError
	if errors.As(err, &refused) {
		return failed(err, false, false)
	}
	if err != nil {
		return failed(err, true, false)
	}
	if len(ops) == 0 {
		return dispatch.Done{Answer: "nothing to do: the object is as the step would make it"}
	}
	s.done.Request = described(ops, object.DN)
	release, held, err := s.admit(ctx, ops)
	if err != nil {
		return failed(err, true, false)
	}
	if held != "" {
		s.done.Held = held + ": " + s.done.Request
		return s.done
	}
	defer release()
	return s.write(ctx, object, ops)
}

// read returns the object, with its primary group among its groups.
func (s *step) read(ctx context.Context) (ident.Entry, bool, error) {
	e, err := s.dir.Get(ctx, conn.ByGUID(s.Instance.GUID), s.Directory.Reads())
	if errors.Is(err, conn.ErrNotFound) {
		return e, false, nil
	}
	if err != nil || s.Directory.Action != orchestration.ActionAddGroups && s.Directory.Action != orchestration.ActionRemoveGroups {
		return e, err == nil, err
	}
	return e, true, apply.AddPrimaryGroup(ctx, s.dir, e)
}

func (s *step) operations(ctx context.Context, object ident.Entry) ([]ident.Operation, error) {
	var schema ident.Schema
	if len(s.Directory.Attributes) > 0 {
		names := make([]string, 0, len(s.Directory.Attributes))
		for _, a := range s.Directory.Attributes {
			names = append(names, a.Name)
		}
		var err error
		if schema, err = mirror.ReadSchema(ctx, s.dir, names); err != nil {
			return nil, fmt.Errorf("read what the directory accepts: %w", err)
		}
	}
	ops, err := s.Directory.Operations(object, schema)
	for i := range ops {
		ops[i].Reason = fmt.Sprintf("step %s of orchestration %s", s.Step, s.Instance.Orchestration)
	}
	return ops, err
}

// write carries the operations out, and says what that means for the step.
func (s *step) write(ctx context.Context, object ident.Entry, ops []ident.Operation) dispatch.Done {
	approver := ""
	if s.Approved {
		var err error
		if approver, err = s.Store.Approver(ctx, s.Instance.ID); err != nil {
			return failed(err, true, false)
		}
	}
	name := object.Attributes.First("displayName")
	if name == "" {
		name = object.DN.Name()
	}
	change := &ident.Change{GUID: s.Instance.GUID, DN: object.DN, Name: name}
	tasks := make([]apply.Task, len(ops))
	for i, op := range ops {
		tasks[i] = apply.Task{Change: change, Op: op, Approved: approver}
	}
	if err := s.job.Apply(ctx, tasks); err != nil {
		var w *write.Error
		unsure := !errors.As(err, &w) || w.Kind == write.Unknown
		s.done.Result = orchestration.Result{Error: err.Error(), Retry: true, Unsure: unsure}
		return s.done
	}
	s.conclude()
	return s.done
}
