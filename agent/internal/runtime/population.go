package runtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// startLimit says how many orchestrations of an automation may begin in 24 hours.
// Nothing waits for the count that a percentage is of: it may be some minutes old. When
// there is none yet, the error says so, and eventsFound is called once there is.
func (s *Snapshot) startLimit(ctx context.Context, conf config.Automation) (store.StartLimit, error) {
	l := conf.Limits.Start
	if l.Unlimited || l.Percent == 0 {
		return store.StartLimit{Most: l.Of(0)}, nil
	}
	n, err := s.population.count(ctx, counting(conf), s.countOf(conf))
	return store.StartLimit{Most: l.Of(n)}, err
}

// countFirst counts what the limits of automations are a percentage of, unless that is
// known. It is for somebody who waits for an answer, and leaves it to startLimit to say
// what failed.
func (s *Snapshot) countFirst(ctx context.Context, automations ...string) {
	for _, name := range automations {
		conf := s.config.Triggered[name]
		if l := conf.Limits.Start; conf.Trigger == config.TriggerDirectory && !l.Unlimited && l.Percent != 0 {
			s.population.first(ctx, counting(conf), s.countOf(conf))
		}
	}
}

// counting names what the limit of an automation is a percentage of.
func counting(conf config.Automation) string { return string(conf.Object) + " " + conf.Base.Fold() }

func (s *Snapshot) countOf(conf config.Automation) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) { return s.countObjects(ctx, conf.Object, conf.Base) }
}

// everyGroup finds groups.
const everyGroup = "(objectCategory=group)"

// countObjects counts the users or the groups of the scope that are under base.
func (s *Snapshot) countObjects(ctx context.Context, kind ident.ObjectKind, base ident.DN) (int, error) {
	if kind == ident.ObjectUser {
		return s.People(ctx, base)
	}
	n := 0
	err := s.connected(ctx, func(c *conn.Client) error {
		for _, under := range Below(s.config.Directory.Scope, base) {
			q := conn.Query{Base: under, Filter: everyGroup, Attributes: []string{"objectGUID"}, PageSize: 1000}
			if err := c.Search(ctx, q, func(ident.Entry) error { n++; return nil }); err != nil {
				return fmt.Errorf("count groups: %w", err)
			}
		}
		return nil
	})
	return n, err
}

// countAgain is how long a count that failed is not tried again.
const countAgain = 10 * time.Second

// population keeps counts of objects, for limits. They are made and renewed beside
// whoever needs them.
type population struct {
	mu    sync.Mutex
	known map[string]*tally
	work  sync.WaitGroup
	now   func() time.Time
	made  func() // is called after the first count of something
}

// tally is a count, of which the last try may have failed.
type tally struct {
	counted           // at is zero before the first count
	tried   time.Time // when the last count ended
	err     error     // of the last count
	under   bool      // a count is under way
}

func newPopulation() *population {
	return &population{known: map[string]*tally{}, now: time.Now, made: func() {}}
}

// count returns what is known, and renews it beside the caller when it is old. Its error
// says why nothing is known yet.
func (p *population) count(ctx context.Context, of string, count func(context.Context) (int, error)) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.of(of)
	now := p.now()
	if !t.under && now.Sub(t.at) > countedFor && now.Sub(t.tried) > countAgain {
		t.under = true
		ctx = unattended(ctx)
		p.work.Go(func() { p.renew(ctx, of, count) })
	}
	switch {
	case !t.at.IsZero():
		return t.users, nil
	case t.err != nil:
		return 0, t.err
	}
	return 0, react.ErrCounting
}

// first waits for a count of what was never counted.
func (p *population) first(ctx context.Context, of string, count func(context.Context) (int, error)) {
	p.mu.Lock()
	known := !p.of(of).at.IsZero()
	p.mu.Unlock()
	if !known {
		p.renew(ctx, of, count)
	}
}

func (p *population) renew(ctx context.Context, of string, count func(context.Context) (int, error)) {
	n, err := count(ctx)
	p.mu.Lock()
	t := p.of(of)
	first := err == nil && t.at.IsZero()
	t.tried, t.err, t.under = p.now(), err, false
	if err == nil {
		t.counted = counted{n, t.tried}
	}
	p.mu.Unlock()
	if first {
		p.made()
	}
}

// of returns a tally. The caller holds p.mu.
func (p *population) of(what string) *tally {
	t := p.known[what]
	if t == nil {
		t = &tally{}
		p.known[what] = t
	}
	return t
}
