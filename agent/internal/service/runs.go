package service

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// These are the questions about plans and runs, and their answers.
type (
	// PlanRequest asks what a run would do.
	PlanRequest struct {
		OnDisk
		Automation   string
		AcceptShrink bool        // trust a directory that shows far fewer objects than before
		Keys         []ident.Key // plan for these users only; none: for everybody
	}
	// PlanAnswer is the plan made with the configuration on disk.
	PlanAnswer struct {
		ident.Plan
		// Begins is set for an automation that begins an orchestration: that is all it
		// does.
		Begins       *BeginPlan  `json:"begins,omitempty"`
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
	// ApplyRequest asks for a run, or for carrying out a saved plan.
	ApplyRequest struct {
		OnDisk
		Automation   string
		AcceptShrink bool
		Keys         []ident.Key // run for these users only; none: for everybody
		Plan         *ident.Plan // a saved plan; nil for a new run
	}
	// ReportAnswer is a run that was carried out.
	ReportAnswer struct {
		Report
		Begun   int  `json:"orchestrations_begun,omitempty"` // that were held, and were approved
		Earlier bool `json:"earlier_run,omitempty"`          // the run that held them: none was made now
		// Unseen counts those that are held since the caller was last shown what the run
		// holds. They still wait, as do those of which a later change of the same object
		// means something else.
		Unseen       int         `json:"held_since_shown,omitempty"`
		Overtaken    []Overtaken `json:"overtaken,omitempty"`
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
	// DecideRequest decides about what a run holds.
	DecideRequest struct {
		OnDisk
		Run  int64
		Only ident.Class // "" for all
		// Overtaken approves too what a later change of the same object has overtaken.
		Overtaken bool
	}
	// RejectAnswer counts what was rejected.
	RejectAnswer struct {
		Rejected       int `json:"rejected"`
		Orchestrations int `json:"orchestrations,omitempty"`   // rejected too
		Unseen         int `json:"held_since_shown,omitempty"` // as in ReportAnswer
	}
	// RunsRequest asks for the newest runs.
	RunsRequest struct{ Limit int }
	// RunRequest asks for one run.
	RunRequest struct{ Run int64 }
)

// Plan returns what a run would do with the configuration on disk. Nothing is
// written to the directory.
func (s *Service) Plan(ctx context.Context, _ Caller, in PlanRequest) (PlanAnswer, error) {
	e, differs, err := s.agent.Tried(ctx, in.OnDisk)
	if err != nil {
		return PlanAnswer{}, err
	}
	asked := engine.Request{Automation: in.Automation, AcceptShrink: in.AcceptShrink}
	if len(in.Keys) > 0 {
		p, err := e.PlanKeys(ctx, asked, in.Keys)
		return PlanAnswer{Plan: p, RunningAgent: differs}, mistaken(err)
	}
	if b, begins := e.Beginning(in.Automation); begins && !in.AcceptShrink {
		p, err := e.PlanBegin(ctx, b, nil)
		return PlanAnswer{Plan: ident.Plan{Automation: in.Automation}, Begins: &p, RunningAgent: differs}, mistaken(err)
	}
	p, err := e.Plan(ctx, asked)
	return PlanAnswer{Plan: p, RunningAgent: differs}, mistaken(err)
}

// Apply makes a run, or carries out a saved plan as it stands.
func (s *Service) Apply(ctx context.Context, caller Caller, in ApplyRequest) (ReportAnswer, error) {
	shown := ""
	if in.Plan != nil {
		in.Automation, shown = in.Plan.Automation, in.Plan.Config
	}
	e, differs, err := s.agent.Agreed(ctx, in.OnDisk, in.Automation, shown)
	if err != nil {
		return ReportAnswer{}, err
	}
	var r Report
	asked := engine.Request{Automation: in.Automation, Kind: store.KindManual, By: string(caller), AcceptShrink: in.AcceptShrink}
	switch {
	case in.Plan != nil:
		r, err = e.ApplyPlan(ctx, *in.Plan, string(caller))
	case len(in.Keys) > 0:
		r, err = e.RunKeys(ctx, asked, in.Keys)
	default:
		r, err = e.Run(ctx, asked)
	}
	r, err = reported(r, err)
	return ReportAnswer{Report: r, RunningAgent: differs}, err
}

// Approve carries out what a run holds. The operations were shown with the
// configuration of that run, so the approval uses that one and the one that
// the agent runs with.
func (s *Service) Approve(ctx context.Context, caller Caller, in DecideRequest) (ReportAnswer, error) {
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return ReportAnswer{}, err
	}
	r, err := reported(e.Approve(ctx, engine.Decision{Run: in.Run, Only: in.Only, By: string(caller)}))
	answer := ReportAnswer{}
	answer.Begun, answer.Unseen, err = s.held(ctx, caller, in, err, func(h store.Holding) (int, error) {
		n, left, err := s.agent.ApproveHeld(ctx, h, string(caller), in.Overtaken)
		answer.Overtaken = overtaken(left)
		return n, err
	})
	answer.Earlier = err == nil && r.ID == 0 // it held orchestrations only
	if answer.Earlier {
		r, err = engine.ReadReport(ctx, s.agent.Store(), in.Run)
	}
	if err != nil {
		return ReportAnswer{}, err
	}
	answer.Report, answer.RunningAgent = r, s.agent.Differing(in.OnDisk, r.Automation)
	return answer, nil
}

// Reject decides against what a run holds: later runs do not ask about the
// same operations again.
func (s *Service) Reject(ctx context.Context, caller Caller, in DecideRequest) (RejectAnswer, error) {
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return RejectAnswer{}, err
	}
	n, err := e.Reject(ctx, engine.Decision{Run: in.Run, Only: in.Only, By: string(caller)})
	orchestrations, unseen, err := s.held(ctx, caller, in, mistaken(err), func(h store.Holding) (int, error) {
		return s.agent.Store().RejectInstances(ctx, h, string(caller))
	})
	return RejectAnswer{n, orchestrations, unseen}, err
}

// Runs lists the newest runs.
func (s *Service) Runs(ctx context.Context, caller Caller, in RunsRequest) ([]Run, error) {
	runs, err := s.agent.Store().Runs(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if grows(r) {
			s.showRun(ctx, caller, r.ID)
		}
	}
	runs, err = s.agent.Store().Runs(ctx, in.Limit) // after what is kept of them as shown, so that nothing of that is missing
	return orEmpty(runs), err
}

// Run returns what became of each change of a run.
func (s *Service) Run(ctx context.Context, caller Caller, in RunRequest) (Report, error) {
	s.showRun(ctx, caller, in.Run)
	r, err := engine.ReadReport(ctx, s.agent.Store(), in.Run)
	return r, mistaken(err)
}

// reported returns a report that describes the failure in place of a bare
// error, if there is one.
func reported(r Report, err error) (Report, error) {
	if r.ID != 0 {
		return r, nil
	}
	return r, mistaken(err)
}
