package service

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// leavers starts an orchestration for two objects, and returns the instances.
func leavers(t *testing.T, s *store.Store) (store.Lease, []int64) {
	t.Helper()
	lease, err := s.AcquireLease(t.Context(), "test", "test", time.Hour)
	must(t, err)
	text, err := json.Marshal(orchestration.Definition{Name: "leaver", Steps: []orchestration.Step{
		{Name: "wait", Delay: orchestration.Duration(time.Hour)},
		{Name: "off", Mail: &orchestration.Mail{To: []string{"it@example.com"}, Subject: "x", Text: "y"}},
	}})
	must(t, err)
	one := store.NewInstance{Orchestration: "leaver", Definition: text, Trigger: "command", By: "ada", Step: "wait"}
	o, err := orchestration.Compile(orchestration.Definition{Name: "x", Steps: []orchestration.Step{{Delay: orchestration.Duration(time.Hour)}}}, orchestration.Options{})
	must(t, err)
	one.State, err = json.Marshal(o.Start(time.Now()))
	must(t, err)
	joan, bo := one, one
	joan.GUID, joan.Name, bo.GUID, bo.Name = "guid-joan", "Joan", "guid-bo", "Bo"
	ids, err := s.StartInstances(t.Context(), lease, []store.NewInstance{joan, bo})
	must(t, err)
	return lease, ids
}

// TestDecisionsAboutOrchestrations: a person ends one and begins it again; it
// keeps to what it was, and the journal says who decided.
func TestDecisionsAboutOrchestrations(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	_, ids := leavers(t, a.Store())
	_, err := s.ReplayInstance(ctx, "grace", InstanceRequest{ids[0]})
	mistake(t, err, "cannot replay orchestration")
	cancelled, err := s.CancelInstance(ctx, "grace", InstanceRequest{ids[0]})
	must(t, err)
	if cancelled.Status != store.InstanceCancelled {
		t.Errorf("cancelled: %+v", cancelled)
	}
	_, err = s.CancelInstance(ctx, "grace", InstanceRequest{ids[0]})
	mistake(t, err, "cannot cancel orchestration")
	again, err := s.ReplayInstance(ctx, "grace", InstanceRequest{ids[0]})
	must(t, err)
	if again.ID == ids[0] || again.ReplayOf != ids[0] || again.Name != "Joan" || again.By != "grace" {
		t.Errorf("replayed: %+v", again)
	}
	shown, err := s.Instance(ctx, "grace", InstanceRequest{again.ID})
	must(t, err)
	if len(shown.Steps) != 2 || shown.At != 0 || !strings.Contains(shown.Steps[0], "delay 1h") {
		t.Errorf("shown: %+v", shown)
	}
	open := 0
	for i, err := range s.Instances(ctx, "grace", InstancesRequest{Orchestration: "leaver"}) {
		must(t, err)
		if i.Status.Ended() {
			t.Errorf("%d has ended", i.ID)
		}
		open++
	}
	if open != 2 {
		t.Errorf("%d are open, want Bo's and the new one of Joan", open)
	}
	by := 0
	for line, err := range s.ExportJournal(ctx, "grace", Nothing{}) {
		must(t, err)
		if strings.Contains(string(line), `"by":"grace"`) {
			by++
		}
	}
	if by != 2 {
		t.Errorf("%d lines of the journal are by grace, want those of cancel and replay", by)
	}
}

// TestABlockedOrchestrationGoesOn: resume starts at the step that failed.
func TestABlockedOrchestrationGoesOn(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	lease, ids := leavers(t, a.Store())
	_, err := s.ResumeInstance(ctx, "grace", InstanceRequest{ids[1]})
	mistake(t, err, "cannot resume orchestration")
	i, err := a.Store().Instance(ctx, ids[1])
	must(t, err)
	var state orchestration.State
	must(t, json.Unmarshal(i.State, &state))
	state.Phase, state.Step, state.Turns, state.Begun, state.Reason = orchestration.PhaseBlocked, 1, []int{1, 1}, true, "refused"
	text, err := json.Marshal(state)
	must(t, err)
	_, err = a.Store().AdvanceInstances(ctx, lease, []store.Advance{{
		Instance: i.ID, Version: i.Version, Status: store.InstanceBlocked, Step: "off", State: text, Cause: "refused",
	}})
	must(t, err)
	on, err := s.ResumeInstance(ctx, "grace", InstanceRequest{ids[1]})
	must(t, err)
	if on.Status != store.InstanceReady || on.Step != "off" {
		t.Errorf("resumed: %+v", on)
	}
	_, err = s.Delivery(ctx, "grace", DeliveryRequest{ID: 7})
	mistake(t, err, "there is no delivery 7")
}

// TestOrchestrationsThatARunHolds: approve lets them begin, and reject ends them,
// although the run holds no operation.
func TestOrchestrationsThatARunHolds(t *testing.T) {
	for _, approve := range []bool{true, false} {
		s, a := opened(t)
		ctx := t.Context()
		lease, err := a.Store().AcquireLease(ctx, "staff", "test", time.Hour)
		must(t, err)
		run, err := a.Store().StartRun(ctx, lease, store.Run{Automation: "staff", Kind: store.KindManual, By: "ada"})
		must(t, err)
		must(t, a.Store().FinishRun(ctx, lease, store.Run{ID: run, Automation: "staff", Result: store.RunOK}))
		_, ids := leavers(t, a.Store())
		i, err := a.Store().Instance(ctx, ids[0])
		must(t, err)
		text, err := a.Store().Definition(ctx, i.Digest)
		must(t, err)
		held, err := a.Store().StartInstances(ctx, lease, []store.NewInstance{{
			Orchestration: "leaver", Definition: text, Automation: "staff", Trigger: "after disabled", Run: run, By: "ada",
			GUID: "guid-cy", Name: "Cy", Step: "wait", State: i.State, Held: true, Cause: "limits.start",
		}})
		must(t, err)
		want := store.InstanceReady
		if approve {
			r, err := s.Approve(ctx, "grace", DecideRequest{Run: run})
			must(t, err)
			if r.Begun != 1 || r.ID != run || !r.Earlier {
				t.Errorf("approved: %+v", r)
			}
		} else {
			r, err := s.Reject(ctx, "grace", DecideRequest{Run: run})
			must(t, err)
			want = store.InstanceCancelled
			if r.Orchestrations != 1 {
				t.Errorf("rejected: %+v", r)
			}
		}
		if i, err = a.Store().Instance(ctx, held[0]); err != nil || i.Status != want {
			t.Errorf("it is %s, want %s, %v", i.Status, want, err)
		}
		_, err = s.Approve(ctx, "grace", DecideRequest{Run: run})
		mistake(t, err, "nothing of it is held")
	}
}

// TestAPasswordIsNotDeliveredTwice: what handed it over is not begun again, as the
// password is erased.
func TestAPasswordIsNotDeliveredTwice(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	lease, err := a.Store().AcquireLease(ctx, "joiner", "test", time.Hour)
	must(t, err)
	text, err := json.Marshal(orchestration.Definition{Name: "joined", Password: true, Steps: []orchestration.Step{{
		Mail: &orchestration.Mail{To: []string{"boss@x"}, Subject: "hello", Text: "{{ password }}"},
	}}})
	must(t, err)
	ids, err := a.Store().StartInstances(ctx, lease, []store.NewInstance{{
		Orchestration: "joined", Definition: text, Trigger: "after created", GUID: "guid-joan", DN: "CN=Joan,DC=c", Name: "Joan",
	}})
	must(t, err)
	_, err = s.CancelInstance(ctx, "grace", InstanceRequest{ids[0]})
	must(t, err)
	_, err = s.ReplayInstance(ctx, "grace", InstanceRequest{ids[0]})
	mistake(t, err, "handed over an initial password, which is erased: set another password by hand")
}

// TestWhatCouldNotGoOnIsResumed: an instance that was blocked from outside, such as
// for want of a mail server, goes on where it stood.
func TestWhatCouldNotGoOnIsResumed(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	lease, ids := leavers(t, a.Store())
	before, err := a.Store().Instance(ctx, ids[0])
	must(t, err)
	var state orchestration.State
	must(t, json.Unmarshal(before.State, &state))
	state.Turns = []int{0, 0}
	before.State, err = json.Marshal(state)
	must(t, err)
	_, err = a.Store().AdvanceInstances(ctx, lease, []store.Advance{{
		Instance: ids[0], Version: before.Version, Status: store.InstanceBlocked, Step: "wait", State: before.State, Cause: "there is no mail server",
	}})
	must(t, err)
	on, err := s.ResumeInstance(ctx, "grace", InstanceRequest{ids[0]})
	must(t, err)
	if on.Status != store.InstanceReady || on.Step != "wait" || string(on.State) != string(before.State) {
		t.Errorf("resumed: %+v", on)
	}
}

// TestAQueueThatIsKeptSaysWhy: what waits for an application that is not sent to says
// so in the list and by itself.
func TestAQueueThatIsKeptSaysWhy(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	lease, ids := leavers(t, a.Store())
	var advances []store.Advance
	for k, application := range []string{"gone", "off"} {
		i, err := a.Store().Instance(ctx, ids[k])
		must(t, err)
		advances = append(advances, store.Advance{
			Instance: i.ID, Version: i.Version, Status: store.InstanceDelivering, Step: "off",
			Deliver: &store.NewDelivery{Step: "off", Webhook: "off", Application: application},
		})
	}
	a.Config().Applications = map[string]config.Application{"off": {Name: "off"}}
	_, err := a.Store().AdvanceInstances(ctx, lease, advances)
	must(t, err)
	causes := map[string]string{}
	for d, err := range s.Queue(ctx, "grace", QueueRequest{}) {
		must(t, err)
		causes[d.Application] = d.Cause
		one, err := s.Delivery(ctx, "grace", DeliveryRequest{ID: d.ID})
		must(t, err)
		if one.Cause != d.Cause {
			t.Errorf("delivery %d says %q", d.ID, one.Cause)
		}
	}
	if !strings.Contains(causes["gone"], `no application "gone" in the configuration any more`) || !strings.Contains(causes["off"], "application off is not enabled") {
		t.Errorf("%q", causes)
	}
}

// TestListsOfUnknownNames: a name that nothing has is a mistake and no empty list;
// what only the state knows is listed.
func TestListsOfUnknownNames(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	leavers(t, a.Store())
	instances := func(name string) (n int, err error) {
		for _, err = range s.Instances(ctx, "ada", InstancesRequest{Orchestration: name}) {
			if err == nil {
				n++
			}
		}
		return n, err
	}
	if n, err := instances("leaver"); n != 2 || err != nil {
		t.Errorf("leaver: %d %v", n, err)
	}
	_, err := instances("leavr")
	mistake(t, err, `there is no orchestration "leavr" (did you mean "leaver"?)`)
	for says, in := range map[string]QueueRequest{
		`there is no orchestration "leavr"`: {Orchestration: "leavr"}, `there is no application "nope"`: {Application: "nope"},
	} {
		var err error
		for _, err = range s.Queue(ctx, "ada", in) {
		}
		mistake(t, err, says)
	}
	for _, err := range s.Queue(ctx, "ada", QueueRequest{Orchestration: "leaver"}) {
		must(t, err)
	}
}
