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
	return s.connect(ctx, preferred(s.config.Directory.URLs, prefer))
}

// unattendedKey is the key of the mark that unattended makes.
type unattendedKey struct{}

// unattended marks work that nobody waits for. For a while it does not ask a server that
// has refused the agent's account.
func unattended(ctx context.Context) context.Context {
	return context.WithValue(ctx, unattendedKey{}, true)
}

// connect connects to the first of the servers that can be reached.
func (s *Snapshot) connect(ctx context.Context, urls []string) (*conn.Client, error) {
	d := s.config.Directory
	password := s.secret(d.BindPassword)
	if s.trial { // what happens to a directory on trial says nothing about the one in use
		return conn.Open(ctx, s.directory(urls, password), s.log, nil)
	}
	var used atomic.Pointer[account] // the connection reads the password again when it was lost
	read := func(ctx context.Context) (string, error) {
		text, err := password(ctx)
		of := accountOf(d.BindDN, text)
		used.Store(&of)
		return text, err
	}
	if ctx.Value(unattendedKey{}) != nil && s.refusals.any() {
		if _, err := read(ctx); err != nil {
			return nil, err
		}
		var err error
		if urls, err = s.refusals.before(urls, *used.Load()); err != nil {
			return nil, err
		}
	}
	c, err := conn.Open(ctx, s.directory(urls, read), s.log, s.metrics)
	if err != nil {
		if of := used.Load(); of != nil {
			s.refusals.failed(err, *of)
		}
		return nil, err
	}
	s.refusals.accepted(c.Server().URL)
	return c, nil
}

func (s *Snapshot) directory(urls []string, password func(context.Context) (string, error)) conn.Settings {
	d := s.config.Directory
	return conn.Settings{
		URLs: urls, BaseDN: d.BaseDN, BindDN: d.BindDN, CAFile: d.CAFile,
		Timeout: d.Timeout, Connections: d.Connections, Password: password,
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

// refusals remembers which servers refuse the agent's account. Each further attempt
// counts towards its lockout.
type refusals struct {
	mu   sync.Mutex
	by   map[string]refusal // by URL
	now  func() time.Time
	over func() // is called when a server accepts the account again
}

type refusal struct {
	of    account
	err   error
	until time.Time
}

// account tells accounts apart, and passwords of one account.
type account [sha256.Size]byte

func accountOf(name, password string) account { return sha256.Sum256([]byte(name + "\x00" + password)) }

func newRefusals() *refusals {
	return &refusals{by: map[string]refusal{}, now: time.Now, over: func() {}}
}

// before returns the servers in front of the first one that refuses the account. Those
// behind it are not asked either: an account is locked for all of them.
func (r *refusals) before(urls []string, of account) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(urls, func(url string) bool {
		one := r.by[url]
		return one.of == of && r.now().Before(one.until)
	})
	switch {
	case i < 0:
		return urls, nil
	case i > 0:
		return urls[:i], nil
	}
	one := r.by[urls[0]]
	return nil, fmt.Errorf("%w (it is not asked again before %s, so that the account is not locked; a command that reaches the directory, "+
		"such as `rollcall validate --online`, ends the wait)", one.err, one.until.Local().Format(time.TimeOnly))
}

// failed remembers an attempt whose account was refused.
func (r *refusals) failed(err error, of account) {
	var refused *conn.RefusedError
	if !errors.As(err, &refused) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[refused.Server] = refusal{of, err, r.now().Add(conn.RefusedPause)}
}

// accepted forgets that a server has refused the account.
func (r *refusals) accepted(url string) {
	r.mu.Lock()
	_, refused := r.by[url]
	delete(r.by, url)
	r.mu.Unlock()
	if refused {
		r.over()
	}
}

// any reports whether a server has refused an account.
func (r *refusals) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.by) > 0
}
