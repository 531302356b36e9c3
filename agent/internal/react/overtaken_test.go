package react

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestAnApprovalLeavesOutWhatWasOvertaken: who was disabled, held, and is enabled again
// keeps their access, until a person says otherwise.
func TestAnApprovalLeavesOutWhatWasOvertaken(t *testing.T) {
	s, ctx := begin(t), t.Context()
	s.automation("leavers", on("disabled"), "", "crm").Limit = func(context.Context) (store.StartLimit, error) { return store.StartLimit{}, nil }
	s.automation("joiners", on("enabled"), "", "crm")
	own := from(part(ident.EventEnabled), ident.Origin{Orchestration: "to_crm", Instance: 3})
	s.add(
		user("ada", part(ident.EventDisabled), part(ident.EventMoved)), user("bo", part(ident.EventDisabled)), user("cy", part(ident.EventDisabled)),
		user("ada", part(ident.EventEnabled)), user("ada", part(ident.EventMoved)), user("bo", part(ident.EventMoved)), user("cy", own),
	)
	s.judge()
	runs, err := s.store.Runs(ctx, 10)
	if err != nil || len(runs) != 1 || runs[0].HeldStarts != 3 {
		t.Fatalf("%+v, %v", runs, err)
	}
	h := store.Holding{Run: runs[0].ID}
	n, left, err := s.reactor.Approve(ctx, h, "eve")
	if n != 2 || err != nil || len(left) != 1 || left[0].Instance != 1 || left[0].Event.ID != 1 || left[0].By.ID != 4 {
		t.Errorf("%d approved, left %+v, %v", n, left, err)
	}
	if i := s.instances()[0]; i.Status != store.InstanceHeld {
		t.Errorf("%+v", i)
	}
	s.automations = nil // then all that happened counts
	if n, left, err = s.reactor.Approve(ctx, h, "eve"); n != 0 || err != nil || len(left) != 1 || left[0].By.ID != 5 {
		t.Errorf("%d approved, left %+v, %v", n, left, err)
	}
	if n, err := s.store.ApproveInstances(ctx, h, "eve"); n != 1 || err != nil {
		t.Errorf("%d approved, %v", n, err)
	}
}

// TestARetryLeavesOutWhatWasOvertaken: it stays aside with that cause; who wants it all
// the same says so.
func TestARetryLeavesOutWhatWasOvertaken(t *testing.T) {
	s, ctx := begin(t), t.Context()
	a := s.automation("a", on("disabled"), "", "crm")
	a.Broken = fmt.Errorf("no connector")
	s.add(user("ada", part(ident.EventDisabled)), user("bo", part(ident.EventDisabled)), user("ada", part(ident.EventEnabled)))
	s.judge()
	a.Broken = nil
	list, err := s.reactor.Retry(ctx, Again{Automation: "a", By: "eve"})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Judged{{Event: 1, Automation: "a", Verdict: store.EventAside}, {Event: 2, Automation: "a", Verdict: store.EventBegun, Instance: 1}}
	if d := cmp.Diff(want, list); d != "" {
		t.Error(d)
	}
	aside, err := s.store.AsideEvents(ctx, "a", 0, 10)
	if err != nil || len(aside) != 1 || !strings.HasPrefix(aside[0].Cause, "a later change has overtaken it: enabled on ") ||
		!strings.HasSuffix(aside[0].Cause, " (change 3)") || !strings.Contains(aside[0].Next, "`rollcall quarantine retry --overtaken a 1`") {
		t.Fatalf("%+v, %v", aside, err)
	}
	if list, err = s.reactor.Retry(ctx, Again{Automation: "a", Event: 1, Overtaken: true, By: "eve"}); err != nil || len(list) != 1 || list[0].Verdict != store.EventBegun {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestADamagedRowHoldsUpOnlyItsObject: whether it has overtaken a change is not known, so
// what waits about that object is left to a person, and the others begin.
func TestADamagedRowHoldsUpOnlyItsObject(t *testing.T) {
	for name, damaged := range map[string]int64{"the change itself": 1, "a later one": 3} {
		t.Run(name, func(t *testing.T) {
			s, ctx := begin(t), t.Context()
			s.automation("leavers", on("disabled"), "", "crm").Limit = func(context.Context) (store.StartLimit, error) { return store.StartLimit{}, nil }
			s.add(user("ada", part(ident.EventDisabled)), user("bo", part(ident.EventDisabled)), user("ada", part(ident.EventMoved)))
			s.judge()
			db := s.db()
			_, err := db.ExecContext(ctx, "UPDATE events SET parts_json = '{' WHERE id = ?", damaged)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			n, left, err := s.reactor.Approve(ctx, store.Holding{Run: 1}, "eve")
			if n != 1 || err != nil || len(left) != 1 || left[0].Instance != 1 || Words(left[0].By) != "a change that cannot be read any more" {
				t.Errorf("%d approved, left %+v, %v", n, left, err)
			}
		})
	}
}
