package apply

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// turns remembers which operations a run has applied, for those that must come
// after them.
type turns struct {
	mu      sync.Mutex
	applied map[ident.Step]int // position in the order of application, from 1; 0 means not applied
	count   int
	// begun holds operations that may have been carried out, as a whole or in
	// part, even if the run does not know the result.
	begun map[ident.Step]bool
}

func (t Task) step() ident.Step { return ident.Step{Class: t.Op.Class, Key: t.Change.Key} }

func (s *turns) done(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied == nil {
		s.applied = map[ident.Step]int{}
	}
	s.count++
	s.applied[t.step()] = s.count
}

func (s *turns) begin(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun == nil {
		s.begun = map[ident.Step]bool{}
	}
	s.begun[t.step()] = true
}

// nothing notes that an operation changed nothing.
func (s *turns) nothing(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.begun, t.step())
}

// cameToNothing reports whether an account was moved aside and then did not get
// the value that it was moved aside for.
func (s *turns) cameToNothing(step ident.Step) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied[step] > 0 && !s.begun[step]
}

func (s *turns) was(step ident.Step) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied[step] > 0
}

// applyClass carries out the tasks of one class, several users at once. A task
// that comes after others waits for them, and is skipped if one of them was
// not applied.
func (j *Job) applyClass(ctx context.Context, open []Task) error {
	all := open
	for len(open) > 0 {
		ready, later := j.turns.next(open)
		if len(ready) == 0 {
			break
		}
		group, within := errgroup.WithContext(ctx)
		group.SetLimit(max(j.Writers, 1))
		for _, t := range ready {
			if within.Err() != nil {
				break
			}
			group.Go(func() error { return j.applyShielded(within, t) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // Apply tells why
		}
		open = later
	}
	return j.outOfTurn(ctx, open, all)
}

// possible skips, before anything is written, tasks that wait for an operation
// this run does not make, because its user is left alone or it was not
// approved. No account is given an interim name for them.
func (j *Job) possible(ctx context.Context, tasks []Task) ([]Task, error) {
	for {
		made, finish := map[ident.Step]bool{}, map[ident.Step]bool{}
		for _, t := range tasks {
			made[t.step()] = made[t.step()] || !j.Blocked(t.Change.Key)
			finish[t.step()] = finish[t.step()] || !t.Op.Aside
		}
		inVain := func(t Task) bool {
			return t.Op.Aside && !finish[t.step()] || slices.ContainsFunc(t.Op.After, func(step ident.Step) bool { return !made[step] })
		}
		still := slices.Collect(filter(tasks, func(t Task) bool { return !inVain(t) }))
		if len(still) == len(tasks) {
			return tasks, nil
		}
		for t := range filter(tasks, inVain) {
			if err := j.Skip(ctx, t, notGivenUp); err != nil {
				return nil, err
			}
		}
		tasks = still
	}
}

const notGivenUp = "an account that was to give up a value before this is not changed by this run"

// next splits tasks into those that may run now and those that must wait.
func (s *turns) next(open []Task) (ready, later []Task) {
	begun := map[ident.Key]bool{}
	for _, t := range open {
		waits := slices.ContainsFunc(t.Op.After, func(step ident.Step) bool { return !s.was(step) })
		if waits || begun[t.Change.Key] {
			later = append(later, t)
		} else {
			ready = append(ready, t)
		}
		begun[t.Change.Key] = true
	}
	return ready, later
}

// outOfTurn skips tasks that wait for something that will never happen. If an
// account was given an interim name for such a task, it gets its old values
// back, after the accounts that took them have given them up again: an interim
// name must not stay.
func (j *Job) outOfTurn(ctx context.Context, open, all []Task) error {
	for _, t := range open {
		if err := j.Skip(ctx, t, notGivenUp); err != nil {
			return err
		}
	}
	for _, t := range all {
		waits := func(o Task) bool { return o.Change.Key == t.Change.Key && !o.Op.Aside }
		if !t.Op.Aside || !j.turns.was(t.step()) || !slices.ContainsFunc(open, waits) && !j.turns.cameToNothing(t.step()) {
			continue
		}
		for _, u := range j.turns.since(t, all) {
			back, ok := backAgain(u.Op)
			if !ok {
				break
			}
			j.turns.undo(u)
			if err := j.applyShielded(ctx, Task{Change: u.Change, Op: back, Approved: u.Approved}); err != nil {
				return err
			}
			if !j.turns.was(u.step()) {
				break // the next one would get a value that this account still has
			}
			j.turns.undo(u)
		}
	}
	return nil
}

// since lists the task that moved an account aside and all tasks applied
// because of it, the last first. It lists none if the result of one of them is
// unknown.
func (s *turns) since(aside Task, all []Task) []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Task{aside}
	for i := 0; i < len(list); i++ {
		for _, t := range all {
			switch step := t.step(); {
			case !slices.Contains(t.Op.After, list[i].step()) || !s.begun[step]:
			case s.applied[step] == 0 || slices.ContainsFunc(all, func(o Task) bool { return o.Op.Aside && o.step() == step }):
				return nil
			case !slices.ContainsFunc(list, func(o Task) bool { return o.step() == step }):
				list = append(list, t)
			}
		}
	}
	slices.SortFunc(list, func(a, b Task) int { return s.applied[b.step()] - s.applied[a.step()] })
	return list
}

// undo forgets that an operation was applied, because it is reversed.
func (s *turns) undo(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.applied, t.step())
}

// backAgain returns the operation that reverses moving an account aside, or
// one applied because of that.
func backAgain(op ident.Operation) (ident.Operation, bool) {
	back, ok := operation.Inverse(op)
	back.Reason = "puts back what it had: one of those who were to swap could not be changed"
	back.Verdict, back.After, back.Digest = op.Verdict, op.After, op.Digest+"-back"
	return back, ok
}
