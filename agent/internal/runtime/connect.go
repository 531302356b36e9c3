package runtime

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
)

// Connect opens a connection to the directory, to the preferred server if it
// can be reached; "" means no preference.
func (s *Snapshot) Connect(ctx context.Context, prefer string) (*conn.Client, error) {
	return s.connect(ctx, s.directory(preferred(s.config.Directory.URLs, prefer)))
}

// Catalog opens a connection to the global catalog that is configured.
func (s *Snapshot) Catalog(ctx context.Context) (*conn.Client, error) {
	settings := s.directory([]string{s.config.Directory.GlobalCatalog})
	settings.Catalog, settings.Connections = true, 1
	return s.connect(ctx, settings)
}

// unattendedKey is the key of the mark that unattended makes.
type unattendedKey struct{}

// unattended marks work that nobody waits for. For a while it does not ask a server that
// has refused the agent's account.
func unattended(ctx context.Context) context.Context {
	return context.WithValue(ctx, unattendedKey{}, true)
}

// connect connects to the first of the servers that can be reached.
func (s *Snapshot) connect(ctx context.Context, settings conn.Settings) (*conn.Client, error) {
	d := s.config.Directory
	if s.trial { // what happens to a directory on trial says nothing about the one in use
		return conn.Open(ctx, settings, s.log, nil)
	}
	came, byItself := s.refusals.count(), ctx.Value(unattendedKey{}) != nil
	if byItself && s.refusals.any() {
		password, err := settings.Password(ctx)
		if err != nil {
			return nil, err
		}
		if settings.URLs, err = s.refusals.before(settings.URLs, accountOf(d.BindDN, password)); err != nil {
			return nil, err
		}
	}
	var open atomic.Bool
	settings.Gate = func(ctx context.Context, server, password string, bind func() error) error {
		a := attempt{server: server, of: accountOf(d.BindDN, password), came: came, heeds: byItself}
		if open.Load() { // the connection was lost, or is a further one: nobody asks for it
			a.came, a.heeds = s.refusals.count(), true
		}
		return s.refusals.bind(ctx, a, bind)
	}
	c, err := conn.Open(ctx, settings, s.log, s.metrics)
	open.Store(true)
	return c, err
}

func (s *Snapshot) directory(urls []string) conn.Settings {
	d := s.config.Directory
	return conn.Settings{
		URLs: urls, BaseDN: d.BaseDN, BindDN: d.BindDN, CAFile: d.CAFile,
		Timeout: d.Timeout, Connections: d.Connections, Password: s.secret(d.BindPassword),
	}
}

// preferred moves one of the URLs to the front.
func preferred(urls []string, first string) []string {
	i := slices.Index(urls, first)
	if i < 0 {
		return urls
	}
	return append([]string{first}, slices.Delete(slices.Clone(urls), i, i+1)...)
}

// refusals remembers which servers refuse the agent's account, and lets one bind at a
// time go ahead. Each further attempt counts towards the account's lockout.
type refusals struct {
	turn chan struct{} // of whoever binds

	mu   sync.Mutex
	by   map[string]refusal // by URL
	n    int                // of refusals so far
	good account            // that a server has accepted, and none refused since
	// A bind waits so long for another one: of an account that was good, and of one of
	// which nobody knows. A server that has not answered by then does not refuse.
	patience, firstPatience time.Duration
	now                     func() time.Time
	over                    func() // is called when a server accepts the account again
}

type refusal struct {
	n     int
	of    account
	err   error
	until time.Time
}

// account tells accounts apart, and passwords of one account.
type account [sha256.Size]byte

func accountOf(name, password string) account { return sha256.Sum256([]byte(name + "\x00" + password)) }

// attempt is a bind that is about to be made.
type attempt struct {
	server string
	of     account
	came   int  // how many refusals there were when it began
	heeds  bool // also a refusal of before it began
}

func newRefusals() *refusals {
	return &refusals{
		turn: make(chan struct{}, 1), by: map[string]refusal{}, patience: 5 * time.Second, firstPatience: 30 * time.Second,
		now: time.Now, over: func() {},
	}
}

// bind binds, one caller after the other: the first finds out whether the account is
// refused, and whoever has waited for it learns that from it. A server that does not
// answer holds the others up only for a while.
func (r *refusals) bind(ctx context.Context, a attempt, bind func() error) error {
	done, err := r.wait(ctx, a.of)
	if err != nil {
		return err
	}
	again, err := r.try(a, bind, done)
	if again {
		r.over()
	}
	return err
}

// wait waits for the turn to bind. done gives it back.
func (r *refusals) wait(ctx context.Context, of account) (done func(), err error) {
	r.mu.Lock()
	most := r.firstPatience
	if r.good == of {
		most = r.patience
	}
	r.mu.Unlock()
	enough := time.NewTimer(most)
	defer enough.Stop()
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-enough.C:
		return func() {}, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait until another connection is bound: %w", ctx.Err())
	}
}

// try binds unless the account was refused, and remembers how it ended. It reports
// whether a server that had refused an account accepts it.
func (r *refusals) try(a attempt, bind func() error, done func()) (again bool, err error) {
	defer done()
	if err := r.refused(a); err != nil {
		return false, err
	}
	if err := bind(); err != nil {
		r.failed(err, a.of)
		return false, err
	}
	return r.accepted(a.server, a.of), nil
}

// refused returns the refusal for which an attempt is not made: one of its server, or one
// of any server while it waited, because an account is locked for all of them.
func (r *refusals) refused(a attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for server, one := range r.by {
		if r.holds(one, a.of) && (one.n > a.came || a.heeds && server == a.server) {
			return one.wait()
		}
	}
	return nil
}

// holds reports whether a refusal is about an account, and not over. The caller holds r.mu.
func (r *refusals) holds(one refusal, of account) bool {
	return one.of == of && r.now().Before(one.until)
}

// wait is the error of whoever does not ask again.
func (one refusal) wait() error {
	return fmt.Errorf("%w (it is not asked again before %s, so that the account is not locked; a command that reaches the directory, "+
		"such as `rollcall validate --online`, ends the wait)", one.err, one.until.Local().Format(time.TimeOnly))
}

// before returns the servers in front of the first one that refuses the account. Those
// behind it are not asked either: an account is locked for all of them.
func (r *refusals) before(urls []string, of account) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(urls, func(url string) bool { return r.holds(r.by[url], of) })
	switch {
	case i < 0:
		return urls, nil
	case i > 0:
		return urls[:i], nil
	}
	return nil, r.by[urls[0]].wait()
}

// failed remembers an attempt whose account was refused.
func (r *refusals) failed(err error, of account) {
	var refused *conn.RefusedError
	if !errors.As(err, &refused) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.by[refused.Server] = refusal{n: r.n, of: of, err: err, until: r.now().Add(conn.RefusedPause)}
	r.good = account{}
}

// accepted forgets that a server has refused the account, and reports whether it had.
func (r *refusals) accepted(url string, of account) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, refused := r.by[url]
	delete(r.by, url)
	r.good = of
	return refused
}

// count returns how many refusals there were so far.
func (r *refusals) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// any reports whether a server has refused an account.
func (r *refusals) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.by) > 0
}
