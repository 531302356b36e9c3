package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// stoppedError says how far a run or a plan had come when somebody stopped it.
type stoppedError struct {
	text  string
	cause error
}

func (e *stoppedError) Error() string { return e.text }

func (e *stoppedError) Unwrap() error { return e.cause }

// stopped describes, for a run that was stopped early, what was done and what
// becomes of the rest.
func (r *run) stopped(ctx context.Context, failure error) error {
	if ctx.Err() == nil || failure == nil {
		return failure
	}
	cause := context.Cause(ctx)
	text := fmt.Sprintf("%v before anything was written; ", cause)
	begun := 0
	if r.began != nil {
		begun = r.began.Begun + r.began.Held
	}
	if begun > 0 {
		text = fmt.Sprintf("%v: orchestrations that begin or are held: %d; ", cause, begun)
	}
	if done, of := r.advance(); of > 0 {
		text = fmt.Sprintf("%v: %d of %d operations are done and recorded; ", cause, done, of)
	}
	switch {
	case r.Kind == store.KindApproval:
		text += "the rest is held as before: approve it again"
	case r.Kind == store.KindSaved:
		text += "apply the plan again for the rest"
	case r.Kind == store.KindOrchestrate && begun > 0:
		text += fmt.Sprintf("`%s` lists them: the same command would begin it a second time for objects for which it has ended by then",
			ident.Command("orchestrations", r.Orchestration))
	case r.Kind == store.KindLink, r.Kind == store.KindOrchestrate:
		text += "try again"
	default:
		text += fmt.Sprintf("the next run does the rest: %s", ident.Command("apply", r.Automation))
	}
	if !errors.Is(failure, context.Canceled) { // such as a write that did not end in time
		text += "; besides: " + failure.Error()
	}
	return &stoppedError{text, errors.Join(failure, cause)}
}

// stoppedPlan is like stopped, for a dry run of "automation NAME".
func stoppedPlan(ctx context.Context, what string, failure error) error {
	if ctx.Err() == nil || failure == nil {
		return failure
	}
	where := ""
	if cause := context.Cause(ctx).Error(); failure.Error() != cause {
		where = " (" + failure.Error() + ")"
	}
	return &stoppedError{
		fmt.Sprintf("the plan of %s was not made: %v%s; nothing was written", what, context.Cause(ctx), where), failure,
	}
}
