package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// These are the questions about orchestrations that have begun and about what
// they send, and their answers.
type (
	// Delivery is one call of the outbox.
	Delivery = store.Delivery
	// DeliveryState says where a delivery stands.
	DeliveryState = store.DeliveryState
	// Instance is one run of an orchestration for one object.
	Instance = store.Instance
	// StoryLine tells of one try of a step, or of the decision of a person.
	StoryLine = store.StoryLine

	// QueueRequest chooses deliveries; what is empty chooses all. Without States
	// it chooses those that are open.
	QueueRequest struct {
		Application, Orchestration string
		States                     []DeliveryState
		Blocked                    bool // those that wait for an earlier dead one
	}
	// DeliveryRequest names a delivery.
	DeliveryRequest struct {
		ID int64
		// Same sends what was rendered before, instead of rendering it anew for
		// the object as it is now.
		Same bool
	}
	// DeliveryAnswer is a delivery with everything that happened to it.
	DeliveryAnswer struct {
		Delivery
		Story []StoryLine `json:"story"`
	}
	// InstancesRequest chooses instances of an orchestration; "" is all.
	InstancesRequest struct {
		Orchestration string
		All           bool // also those that have ended
	}
	// InstanceRequest names an instance.
	InstanceRequest struct{ ID int64 }
	// InstanceAnswer is an instance with its steps and everything that happened.
	InstanceAnswer struct {
		Instance
		Steps []string    `json:"steps"` // one line each, for people
		At    int         `json:"at"`    // the step where it stands, counted from 0; -1: at none
		Story []StoryLine `json:"story"`
	}
)

// DeliveryDead is the state of a dead letter.
const DeliveryDead = store.DeliveryDead

// InstanceHeld is the status of an instance that waits for an approval.
const InstanceHeld = store.InstanceHeld

var (
	openDeliveries = []store.DeliveryState{store.DeliveryQueued, store.DeliverySending, store.DeliveryRetrying, store.DeliveryDead}
	openInstances  = []store.InstanceStatus{
		store.InstanceHeld, store.InstanceReady, store.InstanceWaiting, store.InstanceDelivering, store.InstanceBlocked,
	}
)

// Queue lists deliveries, in the order in which they were queued.
func (s *Service) Queue(ctx context.Context, _ Caller, in QueueRequest) iter.Seq2[Delivery, error] {
	f := store.DeliveryFilter{Application: in.Application, Orchestration: in.Orchestration, States: in.States, Blocked: in.Blocked}
	if len(f.States) == 0 {
		f.States = openDeliveries
	}
	return listed(func(each func(Delivery) error) error {
		if err := errors.Join(s.sendable(ctx, in.Application), s.knownOrchestration(ctx, in.Orchestration)); err != nil {
			return err
		}
		return s.agent.Store().Deliveries(ctx, f, func(d Delivery) error { return each(s.explained(d)) })
	})
}

// explained adds to a delivery why it is not sent, when that is due to its
// application.
func (s *Service) explained(d Delivery) Delivery {
	if d.State != store.DeliveryQueued && d.State != store.DeliveryRetrying {
		return d
	}
	if why := s.agent.NotSending(d.Application); why != nil {
		d.Cause, d.Next = why.Error(), ""
	}
	return d
}

// Delivery returns one delivery with its story.
func (s *Service) Delivery(ctx context.Context, _ Caller, in DeliveryRequest) (DeliveryAnswer, error) {
	d, err := s.agent.Store().Delivery(ctx, in.ID)
	if err != nil {
		return DeliveryAnswer{}, mistaken(err)
	}
	story, err := s.agent.Store().DeliveryStory(ctx, in.ID)
	return DeliveryAnswer{s.explained(d), orEmpty(story)}, err
}

// RetryDelivery gives a delivery new attempts, the first at once.
func (s *Service) RetryDelivery(ctx context.Context, caller Caller, in DeliveryRequest) (Delivery, error) {
	return s.delivery(ctx, in.ID, s.agent.Store().RetryDelivery(ctx, in.ID, string(caller), !in.Same))
}

// DropDelivery gives a delivery up, and with it the instance that it belongs to.
func (s *Service) DropDelivery(ctx context.Context, caller Caller, in DeliveryRequest) (Delivery, error) {
	return s.delivery(ctx, in.ID, s.agent.Store().DropDelivery(ctx, in.ID, string(caller)))
}

// delivery returns a delivery as it is after a decision, or the decision's error.
func (s *Service) delivery(ctx context.Context, id int64, decided error) (d Delivery, err error) {
	if err = decided; err == nil {
		d, err = s.agent.Store().Delivery(ctx, id)
	}
	return d, mistaken(err)
}

// Instances lists instances, in the order in which they began.
func (s *Service) Instances(ctx context.Context, caller Caller, in InstancesRequest) iter.Seq2[Instance, error] {
	f := store.InstanceFilter{Orchestration: in.Orchestration}
	if !in.All {
		f.Statuses = openInstances
	}
	return listed(func(each func(Instance) error) error {
		if err := s.knownOrchestration(ctx, in.Orchestration); err != nil {
			return err
		}
		var held []store.Shown
		err := s.agent.Store().Instances(ctx, f, func(i Instance) error {
			if i.Status == store.InstanceHeld && i.Run != 0 {
				held = append(held, store.Shown{Instance: i.ID, Version: i.Version})
			}
			return each(i)
		})
		if err == nil {
			s.show(ctx, caller, held)
		}
		return err
	})
}

// Instance returns one instance with its story.
func (s *Service) Instance(ctx context.Context, _ Caller, in InstanceRequest) (InstanceAnswer, error) {
	i, o, _, unread := s.begun(ctx, in.ID)
	if i.ID == 0 {
		return InstanceAnswer{}, unread
	}
	// Its story must be seen even if this version cannot read its steps.
	steps, at := []string{fmt.Sprint(unread)}, -1
	if unread == nil {
		steps = o.Describe()
		at = slices.IndexFunc(o.Steps(), func(step orchestration.Step) bool { return step.Name == i.Step })
	}
	story, err := s.agent.Store().Story(ctx, in.ID)
	return InstanceAnswer{i, steps, at, orEmpty(story)}, err
}

// begun returns an instance with its orchestration and the text of that, as they
// were when it began.
func (s *Service) begun(ctx context.Context, id int64) (Instance, *orchestration.Orchestration, json.RawMessage, error) {
	i, err := s.instance(ctx, id, nil)
	if err != nil {
		return i, nil, nil, err
	}
	text, err := s.agent.Store().Definition(ctx, i.Digest)
	if err != nil {
		return i, nil, nil, err
	}
	var d orchestration.Definition
	if err := json.Unmarshal(text, &d); err != nil {
		return i, nil, nil, fmt.Errorf("read what orchestration %d began with: %w", id, err)
	}
	o, err := orchestration.Compile(d, orchestration.Options{})
	return i, o, text, err
}

// CancelInstance ends an instance before its time.
func (s *Service) CancelInstance(ctx context.Context, caller Caller, in InstanceRequest) (Instance, error) {
	i, err := s.instance(ctx, in.ID, s.agent.Store().CancelInstance(ctx, in.ID, string(caller)))
	if err != nil {
		return i, err
	}
	return i, s.agent.ObserveHeld(ctx, i.Automation) // it may have been held
}

// instance returns an instance as it is after a decision, or the decision's error.
func (s *Service) instance(ctx context.Context, id int64, decided error) (i Instance, err error) {
	if err = decided; err == nil {
		i, err = s.agent.Store().Instance(ctx, id)
	}
	return i, mistaken(err)
}

// ResumeInstance lets an instance go on from the step that failed.
func (s *Service) ResumeInstance(ctx context.Context, caller Caller, in InstanceRequest) (Instance, error) {
	i, o, _, err := s.begun(ctx, in.ID)
	if err != nil {
		return Instance{}, err
	}
	r := store.Resume{Version: i.Version, Step: i.Step, State: i.State, By: string(caller)}
	if i.Status == store.InstanceBlocked || i.Status == store.InstanceFailed {
		if r.State, err = resumed(o, i.State); err != nil {
			return Instance{}, fmt.Errorf("resume orchestration %d: %w", i.ID, err)
		}
	}
	return s.instance(ctx, in.ID, s.agent.Store().ResumeInstance(ctx, in.ID, r))
}

// resumed returns the state of an instance that goes on. That of one which could not
// go on as things were (the dispatcher blocks it without touching its state) stays
// as it is; nil stands for that, too.
func resumed(o *orchestration.Orchestration, state json.RawMessage) (json.RawMessage, error) {
	if len(state) == 0 || string(state) == "null" { // it has not begun its first step
		return nil, nil
	}
	s, err := o.ParseState(state)
	if err != nil {
		return nil, err
	}
	if !s.Phase.Ended() && s.Phase != orchestration.PhaseBlocked {
		return nil, nil
	}
	if s, _, err = o.Resume(s, time.Now()); err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// ReplayInstance begins an instance that has ended once more, from its first
// step and with the orchestration as it was. It returns the new instance.
func (s *Service) ReplayInstance(ctx context.Context, caller Caller, in InstanceRequest) (Instance, error) {
	i, o, text, err := s.begun(ctx, in.ID)
	if err != nil {
		return Instance{}, err
	}
	if o.NeedsPassword(o.Start(time.Now())) {
		return Instance{}, exit.Mistake(fmt.Errorf("orchestration %d handed over an initial password, which is erased: "+
			"set another password by hand, and tell the person", i.ID))
	}
	state, err := json.Marshal(o.Start(time.Now()))
	if err != nil {
		return Instance{}, err
	}
	id, err := s.agent.Store().ReplayInstance(ctx, in.ID, store.NewInstance{
		Orchestration: i.Orchestration, Definition: text, Automation: i.Automation, Trigger: "replay", By: string(caller),
		GUID: i.GUID, DN: i.DN, Name: i.Name, Input: i.Input, State: state, Step: o.Steps()[0].Name, Approved: string(caller),
	})
	return s.instance(ctx, id, err)
}

// notThere reports whether an error says that what was named does not exist or
// cannot be changed like this as it stands.
func notThere(err error) bool {
	var delivery *store.NoDeliveryError
	var instance *store.NoInstanceError
	var state *store.DeliveryStateError
	var status *store.InstanceStateError
	return errors.As(err, &delivery) || errors.As(err, &instance) || errors.As(err, &state) || errors.As(err, &status)
}
