package dirstep

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Begun counts operations that are under way, so that the store does not count them
// yet. The zero Begun is ready for use.
type Begun struct {
	mu  sync.Mutex
	ops map[counter]int
}

// counter counts the operations of one class and orchestration.
type counter struct {
	orchestration string
	class         ident.Class
}

// admit counts the operations of a step against the limits of its orchestration.
// held says why they are too many; "" says that they may be made, and release must
// be called when they have ended, made or not. What a person has approved is not
// counted.
func (s *step) admit(ctx context.Context, ops []ident.Operation) (release func(), held string, err error) {
	if s.Approved {
		return func() {}, "", nil
	}
	planned := map[ident.Class]int{}
	for _, op := range ops {
		planned[op.Class]++
	}
	name := s.Instance.Orchestration
	people, err := s.whole(ctx, planned)
	if err != nil {
		return nil, "", err
	}
	s.Begun.mu.Lock()
	defer s.Begun.mu.Unlock()
	used, err := s.Store.CountSteps(ctx, name, s.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, "", err
	}
	limits := s.Limits(name)
	for _, class := range ident.Classes {
		n, limit := planned[class], limits[class]
		made := used[class] + s.Begun.ops[counter{name, class}]
		if most := limit.Of(people); n > 0 && most >= 0 && made+n > most {
			return nil, fmt.Sprintf("limits.%s of orchestration %s is %s: %d in 24 hours may be made, %d were, and this step makes %d",
				class, name, limit, most, made, n), nil
		}
	}
	s.Begun.count(name, planned, 1)
	s.left = planned
	return func() {
		s.Begun.mu.Lock()
		defer s.Begun.mu.Unlock()
		s.Begun.count(name, s.left, -1)
		s.left = nil
	}, "", nil
}

// counted says that the store counts an operation from now on.
func (s *step) counted(class ident.Class) {
	s.Begun.mu.Lock()
	defer s.Begun.mu.Unlock()
	if s.left[class] > 0 {
		s.left[class]--
		s.Begun.count(s.Instance.Orchestration, map[ident.Class]int{class: 1}, -1)
	}
}

func (b *Begun) count(orchestration string, planned map[ident.Class]int, sign int) {
	if b.ops == nil {
		b.ops = map[counter]int{}
	}
	for class, n := range planned {
		c := counter{orchestration, class}
		if b.ops[c] += sign * n; b.ops[c] == 0 {
			delete(b.ops, c)
		}
	}
}

// whole counts the users that a percentage is of, if a limit needs it.
func (s *step) whole(ctx context.Context, planned map[ident.Class]int) (int, error) {
	for class, limit := range s.Limits(s.Instance.Orchestration) {
		if planned[class] > 0 && !limit.Unlimited && limit.Percent > 0 {
			n, err := s.People(ctx)
			if err != nil {
				err = fmt.Errorf("count the users that limits.%s is a part of: %w", class, err)
			}
			return n, err
		}
	}
	return 0, nil
}
