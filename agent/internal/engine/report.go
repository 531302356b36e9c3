package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Summary is a plan without its changes.
type Summary struct {
	Records       ident.RecordCounts     `json:"records"`
	Scope         []ident.ScopeCount     `json:"scope,omitempty"`
	NobodyMissing string                 `json:"nobody_missing,omitempty"`
	Doubt         string                 `json:"doubt,omitempty"`
	Refused       int                    `json:"refused,omitempty"`
	Limits        []ident.LimitState     `json:"limits,omitempty"`
	Quarantined   []ident.QuarantineItem `json:"quarantined,omitempty"`
	Notes         []ident.Note           `json:"notes,omitempty"`
	// Began counts the objects of a run that begins an orchestration; nil for
	// other runs.
	Began *BeginCounts `json:"began,omitempty"`
	// Besides lists further results that apply and that the run's own result
	// hides.
	Besides []store.RunResult `json:"besides,omitempty"`
	// HeldBy counts operations that this run would have made but an earlier
	// run holds.
	HeldBy []HeldBy `json:"held_by,omitempty"`
}

// HeldBy counts operations of one class that a run holds.
type HeldBy struct {
	Run   int64       `json:"run"`
	Class ident.Class `json:"class"`
	Count int         `json:"count"`
}

// Report is a run and what became of its operations.
type Report struct {
	store.Run
	Summary  Summary                              `json:"summary"`
	Counts   map[ident.Class]map[ident.Result]int `json:"counts"`
	Outcomes []ident.Outcome                      `json:"outcomes"`
	// Waiting counts operations that this run would have made but an earlier
	// run holds: the sum of the summary's HeldBy.
	Waiting int `json:"waiting,omitempty"`
	// Orchestrations are those that began with its operations, or are held.
	Orchestrations []store.InstanceCount `json:"orchestrations,omitempty"`
	// Unread says why records could not be fetched, in a run of single users that
	// has just been made.
	Unread map[ident.Key]string `json:"-"`
}

// Count returns how many outcomes have a result, over all classes.
func (r Report) Count(result ident.Result) int {
	n := 0
	for _, results := range r.Counts {
		n += results[result]
	}
	return n
}

// ReadReport reads a run from the history.
func ReadReport(ctx context.Context, s *store.Store, id int64) (Report, error) {
	row, ok, err := s.RunByID(ctx, id)
	if err != nil {
		return Report{}, fmt.Errorf("read run %d: %w", id, err)
	}
	if !ok {
		return Report{}, &UnknownRunError{ID: id}
	}
	r := Report{Run: row, Counts: map[ident.Class]map[ident.Result]int{}}
	if len(row.Plan) > 0 {
		if err := json.Unmarshal(row.Plan, &r.Summary); err != nil {
			return Report{}, fmt.Errorf("read the summary of run %d: %w", id, err)
		}
		r.Plan = nil
	}
	for _, h := range r.Summary.HeldBy {
		r.Waiting += h.Count
	}
	if r.Outcomes, err = s.Outcomes(ctx, id); err != nil {
		return Report{}, fmt.Errorf("read the outcomes of run %d: %w", id, err)
	}
	if r.Orchestrations, err = s.InstancesOfRun(ctx, id); err != nil {
		return Report{}, fmt.Errorf("read the orchestrations of run %d: %w", id, err)
	}
	for _, o := range r.Outcomes {
		if r.Counts[o.Operation.Class] == nil {
			r.Counts[o.Operation.Class] = map[ident.Result]int{}
		}
		r.Counts[o.Operation.Class][o.Result]++
	}
	return r, nil
}

// UnknownRunError reports a run that is not in the history.
type UnknownRunError struct{ ID int64 }

func (e *UnknownRunError) Error() string {
	return fmt.Sprintf("there is no run %d: `rollcall runs` lists them", e.ID)
}

func (r *run) summary() Summary {
	p := r.plan
	return Summary{
		Records: p.Records, Scope: p.Scope, NobodyMissing: p.NobodyMissing, Doubt: p.Doubt, Refused: p.Refused,
		Limits: p.Limits, Quarantined: p.Quarantined, Notes: p.Notes, HeldBy: r.tally.waiting,
	}
}
