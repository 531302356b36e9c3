package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// These are the questions about orchestrations that a person begins, and their
// answers.
type (
	// Choice says for which objects.
	Choice = runtime.Choice
	// BeginPlan is what would become of the objects.
	BeginPlan = engine.BeginPlan
	// BeginObject is one of them.
	BeginObject = engine.BeginObject
	// BeginCounts counts them.
	BeginCounts = engine.BeginCounts
	// First is the first request about one of them.
	First = runtime.First

	// OrchestrateRequest asks to begin an orchestration for objects.
	OrchestrateRequest struct {
		OnDisk
		Orchestration string
		Choice
		// Requests asks for the first request about each object, when it is planned.
		Requests bool
		// Shown is the Choice of the plan that somebody has agreed to; "" for none.
		// Other objects are refused.
		Shown string
	}
	// ChosenAnswer is what would become of the objects, with the configuration on
	// disk.
	ChosenAnswer struct {
		BeginPlan
		Choice       string      `json:"choice"`          // stands for these objects
		First        []First     `json:"first,omitempty"` // of each of Objects, in their order
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
)

// The verdicts about objects.
const (
	VerdictBegin    = store.VerdictBegin
	VerdictHold     = store.VerdictHold
	VerdictBefore   = store.VerdictBefore
	VerdictUnderWay = store.VerdictUnderWay
	VerdictUnclear  = engine.VerdictUnclear
)

// Choose returns for which objects an orchestration would begin. Nothing is recorded.
func (s *Service) Choose(ctx context.Context, _ Caller, in OrchestrateRequest) (ChosenAnswer, error) {
	snapshot, e, differs, err := s.agent.Try(ctx, in.OnDisk)
	if err != nil {
		return ChosenAnswer{}, err
	}
	b, err := snapshot.Chosen(ctx, in.Orchestration, in.Choice)
	if err != nil {
		return ChosenAnswer{}, mistaken(err)
	}
	out := ChosenAnswer{RunningAgent: differs}
	if out.BeginPlan, out.Choice, err = chosen(ctx, e, b); err != nil || !in.Requests {
		return out, err
	}
	out.First, err = snapshot.FirstRequests(ctx, in.Orchestration, out.Objects)
	return out, err
}

// chosen plans a beginning, and returns a text that is the same for the same objects
// in any order.
func chosen(ctx context.Context, e *engine.Engine, b engine.Beginning) (engine.BeginPlan, string, error) {
	var all [sha256.Size]byte
	p, err := e.PlanBegin(ctx, b, func(o engine.BeginObject) error {
		one := sha256.Sum256([]byte(o.GUID))
		for i := range all {
			all[i] ^= one[i]
		}
		return nil
	})
	return p, fmt.Sprintf("%d-%s", p.Matched+p.Unclear, hex.EncodeToString(all[:8])), err
}

// Orchestrate begins an orchestration for the chosen objects, as a run.
func (s *Service) Orchestrate(ctx context.Context, caller Caller, in OrchestrateRequest) (ReportAnswer, error) {
	snapshot, e, err := s.agent.AgreedTo(ctx, in.OnDisk, in.Orchestration)
	if err != nil {
		return ReportAnswer{}, err
	}
	b, err := snapshot.Chosen(ctx, in.Orchestration, in.Choice)
	if err != nil {
		return ReportAnswer{}, mistaken(err)
	}
	if in.Shown != "" {
		_, now, err := chosen(ctx, e, b)
		if err == nil && now != in.Shown {
			err = exit.Mistake(errors.New("nothing was done: since it was shown, other objects have come in or left; give the command again"))
		}
		if err != nil {
			return ReportAnswer{}, err
		}
	}
	r, err := reported(e.Begin(ctx, b, string(caller)))
	return ReportAnswer{Report: r}, err
}
