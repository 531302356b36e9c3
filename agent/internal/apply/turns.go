package apply

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// turns remembers what a run has applied, for operations that come after
// others.
type turns struct {
	mu      sync.Mutex
	applied map[ident.Step]int // when, as a number in order; 0 is not
	count   int
	// begun are operations that may have been carried out, as a whole or in part,
	// whether or not the run knows.
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

// cameToNothing reports whether an account stepped aside and then did not get
// what it had stepped aside for.
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

// applyClass carries out the tasks of one class. Several writes are under way
// at once, of different users. A task that comes after others waits for them,
// and is skipped when one of them was not applied.
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

// possible skips, before anything is written, the tasks that wait for an
// operation which this run does not make: its user is left alone, or it was not
// approved. Nobody steps aside for them.
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

// next splits tasks of one class into those whose turn it is and the others.
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

// outOfTurn skips tasks whose turn never comes. An account that stepped aside
// gets back what it had, after those that took it have given it up again: the
// one that it waits for may never be changed, and an interim name must not stay.
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
				break // who comes next would get what this one has
			}
			j.turns.undo(u)
		}
	}
	return nil
}

// since lists the task of an account that stepped aside and all that were applied
// because of it, the last first. It lists none when one of those is in doubt.
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

// undo forgets that an operation was applied: it is taken back.
func (s *turns) undo(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.applied, t.step())
}

// backAgain reverses a step aside, or what was applied because of one.
func backAgain(op ident.Operation) (ident.Operation, bool) {
	back, ok := operation.Inverse(op)
	back.Reason = "puts back what it had: one of those who were to swap could not be changed"
	back.Verdict, back.After, back.Digest = op.Verdict, op.After, op.Digest+"-back"
	return back, ok
}
