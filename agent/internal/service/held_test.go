package service

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestWhatJoinedARunAfterwardsIsNotDecidedAbout: a run of changes in the directory grows
// while it waits, and a person decides about what that person has seen of it.
func TestWhatJoinedARunAfterwardsIsNotDecidedAbout(t *testing.T) {
	for name, look := range map[string]func(context.Context, *Service, int64) error{
		"runs": func(ctx context.Context, s *Service, _ int64) error {
			_, err := s.Runs(ctx, "grace", RunsRequest{Limit: 10})
			return err
		},
		"one run": func(ctx context.Context, s *Service, run int64) error {
			_, err := s.Run(ctx, "grace", RunRequest{Run: run})
			return err
		},
		"orchestrations": func(ctx context.Context, s *Service, _ int64) error {
			for _, err := range s.Instances(ctx, "grace", InstancesRequest{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := opened(t)
			ctx := t.Context()
			lease, err := a.Store().AcquireLease(ctx, "leavers", "test", time.Hour)
			must(t, err)
			run, err := a.Store().StartRun(ctx, lease, store.Run{Automation: "leavers", Kind: store.KindEvents, By: "directory"})
			must(t, err)
			must(t, a.Store().FinishRun(ctx, lease, store.Run{ID: run, Automation: "leavers", Result: store.RunHeld}))
			hold := func(names ...string) {
				t.Helper()
				for _, name := range names {
					lease, err := a.Store().AcquireLease(ctx, name, "test", time.Hour) // the first decision ends all leases
					must(t, err)
					_, err = a.Store().StartInstances(ctx, lease, []store.NewInstance{{
						Orchestration: "leaver", Definition: json.RawMessage(`{"name":"leaver"}`), Automation: "leavers", Trigger: "directory: disabled",
						Run: run, By: "directory", GUID: ident.GUID("guid-" + name), Name: name, Step: "wait", Held: true, Cause: "limits.start",
					}})
					must(t, err)
				}
			}
			hold("cy", "di")
			_, err = s.Approve(ctx, "grace", DecideRequest{Run: run})
			mistake(t, err, "run 1 holds 2 orchestrations that you have not been shown")
			_, err = s.Reject(ctx, "grace", DecideRequest{Run: run})
			mistake(t, err, "look with `rollcall runs 1`")
			must(t, look(ctx, s, run))
			hold("ed")
			_, err = s.Approve(ctx, "ada", DecideRequest{Run: run})
			mistake(t, err, "run 1 holds 3 orchestrations that you have not been shown")
			r, err := s.Approve(ctx, "grace", DecideRequest{Run: run})
			must(t, err)
			if r.Begun != 2 || r.Unseen != 1 || r.HeldStarts != 1 || !r.Earlier || len(r.Overtaken) != 0 {
				t.Errorf("approved: %+v", r)
			}
			must(t, look(ctx, s, run))
			j, err := s.Reject(ctx, "grace", DecideRequest{Run: run})
			must(t, err)
			if j.Orchestrations != 1 || j.Unseen != 0 {
				t.Errorf("rejected: %+v", j)
			}
			_, err = s.Approve(ctx, "grace", DecideRequest{Run: run})
			mistake(t, err, "")
		})
	}
}
