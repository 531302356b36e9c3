package runtime

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// everyUser finds users, but no computers, groups, contacts or managed service
// accounts: SAM_NORMAL_USER_ACCOUNT (MS-SAMR section 2.2.1.9), which is indexed.
const everyUser = "(sAMAccountType=805306368)"

// countedFor is how long a count of users is good for: limits need no exact one.
const countedFor = 5 * time.Minute

// searcher is the part of a connection that counts.
type searcher interface {
	Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error
}

// people counts the users of the directory, and remembers the counts for a while.
type people struct {
	turn  chan struct{} // held by whoever counts: others wait for the result
	known map[string]counted
	now   func() time.Time
}

type counted struct {
	users int
	at    time.Time
}

func newPeople() *people {
	return &people{turn: make(chan struct{}, 1), known: map[string]counted{}, now: time.Now}
}

// People counts the users of the scope that are under base; "" counts all of
// them. A count may be some minutes old.
func (a *Agent) People(ctx context.Context, base ident.DN) (int, error) {
	return a.now.Load().People(ctx, base)
}

// People is People of an Agent, in the directory of s.
func (s *Snapshot) People(ctx context.Context, base ident.DN) (int, error) {
	of := s.people
	if s.trial {
		of = newPeople() // those of another directory
	}
	return of.count(ctx, Below(s.config.Directory.Scope, base), func(do func(searcher) error) error {
		return s.connected(ctx, func(c *conn.Client) error { return do(c) })
	})
}

// count counts the users under containers none of which lies under another.
func (p *people) count(ctx context.Context, containers []ident.DN, connected func(func(searcher) error) error) (int, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	total := 0
	var missing []ident.DN
	for _, dn := range containers {
		c, ok := p.known[dn.Fold()]
		if !ok || p.now().Sub(c.at) > countedFor {
			missing = append(missing, dn)
			continue
		}
		total += c.users
	}
	if len(missing) == 0 {
		return total, nil
	}
	err := connected(func(s searcher) error {
		for _, dn := range missing {
			n, err := countUsers(ctx, s, dn)
			if err != nil {
				return err
			}
			p.known[dn.Fold()] = counted{n, p.now()}
			total += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	return total, nil
}

func countUsers(ctx context.Context, s searcher, under ident.DN) (n int, err error) {
	q := conn.Query{Base: under, Filter: everyUser, Attributes: []string{"objectGUID"}, PageSize: 1000}
	err = s.Search(ctx, q, func(ident.Entry) error { n++; return nil })
	return n, err
}

// Below returns the containers in which objects lie that are both in scope and
// under base, each once; "" stands for the whole scope. There are none when base
// has nothing to do with the scope.
func Below(scope ident.Scope, base ident.DN) []ident.DN {
	var out []ident.DN
	for _, dn := range scope {
		switch {
		case base == "" || dn.Under(base):
		case base.Under(dn):
			dn = base
		default:
			continue
		}
		if slices.ContainsFunc(out, dn.Under) {
			continue
		}
		out = append(slices.DeleteFunc(out, func(other ident.DN) bool { return other.Under(dn) }), dn)
	}
	return out
}
