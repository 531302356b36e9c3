package host

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Bounds on instances that are kept for another call.
const (
	maxCalls = 1000     // of one instance; then it starts anew, whatever it has gathered
	maxKept  = 16 << 20 // bytes of an instance's memory
	maxEach  = 8        // idle instances of one application: as many as the outbox uses at once
	maxIdle  = 32       // of all
	idleFor  = time.Minute
)

var errBetween = errors.New("no call is in progress")

// owner says whose calls an instance may serve: those of one version for one
// application as it is configured.
type owner struct {
	version     *version
	application string
	configured  [sha256.Size]byte
	credentials Credentials
}

// owner returns whose instance serves a call, and false when that cannot be
// told from others. Readers of secrets cannot be compared: what they read is part
// of Configured.
func (c *Connector) owner(app Application) (owner, bool) {
	text, err := json.Marshal(struct {
		BaseURL, RateLimit, Proxy, Configured string
		DailyBudget                           int64
		Settings                              map[string]any
		Hosts, Secrets                        []string
	}{
		app.BaseURL, app.RateLimit, app.Proxy, app.Configured, app.DailyBudget, app.Settings, app.Hosts,
		slices.Sorted(maps.Keys(app.Secrets)),
	})
	if err != nil || !reflect.ValueOf(&app.Credentials).Elem().Comparable() {
		return owner{}, false
	}
	return owner{c.version, app.Name, sha256.Sum256(text), app.Credentials}, true
}

// idle keeps instances between the calls of their owner. No instance is in use
// while it is here.
type idle struct {
	mu     sync.Mutex
	all    []*resting // the one that has waited longest is first
	closed bool
	last   time.Duration // how long an instance waits at most
}

type resting struct {
	*instance
	owner owner
	timer *time.Timer
}

// take returns an instance for a call of the owner; nil when there is none. It
// ends those of the same application that were made for another configuration.
func (p *idle) take(o owner) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(func(r *resting) bool {
		return r.owner != o && r.owner.version == o.version && r.owner.application == o.application
	})
	for at, r := range slices.Backward(p.all) { // the others may end
		if r.owner == o {
			r.timer.Stop()
			p.all = slices.Delete(p.all, at, at+1)
			return r.instance
		}
	}
	return nil
}

// give keeps an instance for the next call of its owner, or ends it when enough
// are there.
func (p *idle) give(o owner, i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := 0
	for _, r := range p.all {
		if r.owner == o {
			same++
		}
	}
	if p.closed || same >= maxEach {
		i.close()
		return
	}
	if len(p.all) >= maxIdle {
		oldest := p.all[0]
		p.drop(func(r *resting) bool { return r == oldest })
	}
	r := &resting{instance: i, owner: o}
	r.timer = time.AfterFunc(p.last, func() { p.end(func(other *resting) bool { return other == r }) })
	p.all = append(p.all, r)
}

// end ends the idle instances that match.
func (p *idle) end(match func(*resting) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(match)
}

// close ends all of them, and whatever is given back later.
func (p *idle) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.drop(func(*resting) bool { return true })
}

// drop ends the instances that match. p.mu is held.
func (p *idle) drop(match func(*resting) bool) {
	p.all = slices.DeleteFunc(p.all, func(r *resting) bool {
		if !match(r) {
			return false
		}
		r.timer.Stop()
		r.close()
		return true
	})
}
