package orchestration

import "time"

// nowhere is no step: nothing follows.
const nowhere = -1

// flow says which steps can run after which.
type flow struct {
	after [][]bool // after[a][b]: b can run after a has run
}

// flowOf follows every way through the steps: to the next one, and to where a
// failure leads.
func flowOf(steps []step) flow {
	return flow{closure(len(steps), func(mark func(from, to int)) {
		for i, s := range steps {
			mark(i, i+1)
			if s.canFail() {
				mark(i, s.failed)
			}
		}
	})}
}

// closure returns which steps are reached from which by one or more edges.
func closure(n int, edges func(mark func(from, to int))) [][]bool {
	reach := make([][]bool, n)
	for i := range reach {
		reach[i] = make([]bool, n)
	}
	edges(func(from, to int) {
		if from >= 0 && from < n && to >= 0 && to < n {
			reach[from][to] = true
		}
	})
	for k := range n {
		for i := range n {
			if !reach[i][k] {
				continue
			}
			for j := range n {
				reach[i][j] = reach[i][j] || reach[k][j]
			}
		}
	}
	return reach
}

// canFail reports whether the step can fail. A delay passes whatever happens,
// but a condition can always turn out to have no value.
func (s step) canFail() bool { return s.kind != KindDelay || s.If != "" }

// loops refuses a way that leads back to its beginning without any wait: a step
// that fails would run MaxTurns times in a moment. MaxTurns bounds every loop
// when it runs.
func (c *compiler) loops() {
	steps := c.out.steps
	rounds := closure(len(steps), func(mark func(from, to int)) {
		for i, s := range steps {
			if s.kind == KindDelay && s.If == "" {
				continue
			}
			mark(i, i+1)
			if s.kind != KindWaitUntil { // one that fails has waited until its deadline
				mark(i, s.failed)
			}
		}
	})
	for i, s := range steps {
		if s.onError.Do != OnErrorGoto || s.failed == nowhere || s.kind == KindWaitUntil || s.kind == KindDelay && s.If == "" {
			continue
		}
		if s.failed == i || rounds[s.failed][i] {
			c.refuse(i, "on_error", "put a delay into the loop, or let retry repeat the step",
				"a loop without a bound: when %s fails it leads back to %s, and nothing between them waits", s.Name, steps[s.failed].Name)
		}
	}
}

const moreTime = "give the orchestration more time by within"

// wait is a member that says how long to wait.
type wait struct {
	member string
	time   time.Duration
}

func (s step) waits() []wait {
	return []wait{{"delay", time.Duration(s.Delay)}, {"deadline", time.Duration(s.Deadline)}}
}

// time refuses waits that do not fit into the time of the whole.
func (c *compiler) time() {
	within := c.out.within()
	var sum time.Duration
	for i, s := range c.out.steps {
		for _, w := range s.waits() {
			if w.time > within {
				c.refuse(i, w.member, moreTime, "%s is longer than the %s that the whole may take", Spell(w.time), Spell(within))
			}
		}
		if s.If == "" && s.Delay > 0 && time.Duration(s.Delay) <= within && sum <= within {
			sum += time.Duration(s.Delay)
			if sum > within {
				c.refuse(i, "delay", moreTime, "with it the delays are longer than the %s that the whole may take", Spell(within))
			}
		}
	}
}

// within returns how long an instance may take.
func (o *Orchestration) within() time.Duration {
	if o.definition.Within > 0 {
		return time.Duration(o.definition.Within)
	}
	return DefaultWithin
}
