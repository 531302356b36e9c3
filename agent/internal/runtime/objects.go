package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/react"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// reader is a connection over which objects are read: *conn.Client.
type reader interface {
	mirror.Searcher
	Get(ctx context.Context, target conn.Target, attributes []string) (ident.Entry, error)
	Server() conn.Server
	Close() error
}

// access says how the directory is reached.
type access struct {
	// source returns the URL of the domain controller that the mirror is from; "" when
	// it is not known.
	source func(context.Context) (string, error)
	dial   func(ctx context.Context, prefer string) (reader, error) // to that one, or else to another
	only   func(ctx context.Context, url string) (reader, error)    // to that one
}

// objects reads objects from the directory over one connection, which is opened
// when it is first needed, and again after a failure. It asks the domain controller
// that the mirror is from, whenever that can be reached: another one may not have
// received the change that began an orchestration, and would show the object as it was.
type objects struct {
	access

	mu     sync.Mutex
	client reader
	prefer string       // what source said when the connection was opened
	looked time.Time    // when source was last asked
	tried  time.Time    // when it was last tried to reach the preferred one
	trying func()       // ends a try to reach it that is under way; nil: none is
	failed failure      // the last one
	rules  ident.Schema // of the attributes that were asked for
	work   sync.WaitGroup
}

// failure is a directory that could not be reached. It is not asked again for a while:
// many who need it must not wait for it one after the other.
type failure struct {
	err   error
	until time.Time
}

const (
	// lookAgain is how long the connection is used before it is asked again whether the
	// mirror is from another domain controller now.
	lookAgain = time.Second
	// returnAgain is how often it is tried to leave the domain controller that was taken
	// instead of the one that the mirror is from.
	returnAgain = time.Minute

	failedFast = time.Second      // the pause after a failure
	failedSlow = 10 * time.Second // and after one that took long
	tooLong    = time.Second
)

var _ dispatch.Directory = (*objects)(nil)

func newObjects(a access) *objects { return &objects{access: a, rules: ident.Schema{}} }

// Object returns the object with a GUID.
func (o *objects) Object(ctx context.Context, guid ident.GUID, attributes []string) (ident.Entry, bool, error) {
	return o.get(ctx, conn.ByGUID(guid), attributes)
}

// Named returns the object with a DN.
func (o *objects) Named(ctx context.Context, dn ident.DN, attributes []string) (ident.Entry, bool, error) {
	e, found, err := o.get(ctx, conn.ByDN(dn), attributes)
	if errors.Is(err, conn.ErrReferral) {
		err = fmt.Errorf("%w: %w", react.ErrElsewhere, err)
	}
	return e, found, err
}

func (o *objects) get(ctx context.Context, target conn.Target, attributes []string) (ident.Entry, bool, error) {
	if len(attributes) == 0 {
		attributes = []string{"objectGUID"} // none would be all
	}
	var e ident.Entry
	err := o.use(ctx, func(c reader) (err error) {
		e, err = c.Get(ctx, target, attributes)
		return err
	})
	if errors.Is(err, conn.ErrNotFound) {
		return ident.Entry{}, false, nil
	}
	return e, err == nil, err
}

// Schema returns what is known about attributes.
func (o *objects) Schema(ctx context.Context, attributes []string) (ident.Schema, error) {
	o.mu.Lock()
	known := maps.Clone(o.rules)
	o.mu.Unlock()
	missing := slices.DeleteFunc(slices.Clone(attributes), func(name string) bool {
		_, ok := known[text.Lower(name)]
		return ok || name == "*"
	})
	if len(missing) == 0 {
		return known, nil
	}
	err := o.use(ctx, func(c reader) error {
		read, err := mirror.ReadSchema(ctx, c, missing)
		maps.Copy(known, read)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.rules, known)
	return known, nil
}

// use calls do with the connection. One that fails is not used again.
func (o *objects) use(ctx context.Context, do func(reader) error) error {
	c, err := o.open(ctx)
	if err != nil {
		return fmt.Errorf("connect to the directory: %w", err)
	}
	began := time.Now()
	err = do(c)
	if err != nil && !errors.Is(err, conn.ErrNotFound) && !errors.Is(err, conn.ErrReferral) && ctx.Err() == nil {
		o.drop(c, began, err)
	}
	return err
}

// open returns the connection, and opens one where the mirror is from.
func (o *objects) open(ctx context.Context) (reader, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	switch {
	case o.client != nil && now.Sub(o.looked) < lookAgain:
		return o.client, nil
	case o.client == nil && now.Before(o.failed.until):
		return nil, o.failed.err
	}
	prefer, err := o.source(ctx)
	if err != nil {
		return nil, err
	}
	o.looked = now
	if o.client != nil {
		if prefer == o.prefer {
			o.back(ctx, now)
			return o.client, nil
		}
		_ = o.client.Close() // nothing was written; what is read over it now is read again
		o.client = nil
	}
	c, err := o.dial(ctx, prefer)
	if err != nil {
		if ctx.Err() == nil {
			o.failed = failureOf(err, now)
		}
		return nil, err
	}
	o.client, o.prefer, o.tried = c, prefer, now
	return c, nil
}

// failureOf remembers an attempt that began at a time and has failed now.
func failureOf(err error, began time.Time) failure {
	now := time.Now()
	if now.Sub(began) > tooLong {
		return failure{err, now.Add(failedSlow)}
	}
	return failure{err, now.Add(failedFast)}
}

// back goes back to the domain controller that the mirror is from, if another one was
// taken and that one can be reached again. Nobody waits for it. The caller holds o.mu.
func (o *objects) back(ctx context.Context, now time.Time) {
	if o.prefer == "" || o.client.Server().URL == o.prefer || o.trying != nil || now.Sub(o.tried) < returnAgain {
		return
	}
	ctx, o.trying = context.WithCancel(context.WithoutCancel(ctx))
	o.tried = now
	prefer := o.prefer
	o.work.Go(func() {
		c, err := o.only(ctx, prefer)
		o.mu.Lock()
		defer o.mu.Unlock()
		ended := ctx.Err() != nil
		o.trying()
		o.trying = nil
		switch {
		case err != nil: // the other one serves meanwhile
		case ended || o.prefer != prefer || o.client == nil:
			_ = c.Close()
		default:
			_ = o.client.Close() // what is read over it now is read again
			o.client = c
		}
	})
}

// drop closes a connection that has failed. One whose server took long not to answer
// is not opened again at once.
func (o *objects) drop(c reader, began time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != c {
		return
	}
	o.client = nil
	_ = c.Close()
	if errors.Is(err, conn.ErrUnavailable) && time.Since(began) > tooLong {
		o.failed = failureOf(err, began)
	}
}

// forget has the directory asked again, whatever failed before.
func (o *objects) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = failure{}
}

// close ends the connection.
func (o *objects) close() {
	o.mu.Lock()
	if o.trying != nil {
		o.trying()
	}
	o.mu.Unlock()
	o.work.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		_ = o.client.Close()
		o.client = nil
	}
}

// objects reads the directory for a command.
func (s *Snapshot) objects() *objects {
	return newObjects(access{source: s.source, dial: s.reader, only: s.readerOnly})
}

// source returns the URL of the domain controller that the mirror is from; "" when that
// is not known, or not one of the configuration any more.
func (s *Snapshot) source(ctx context.Context) (string, error) {
	url, _, err := mirror.Source(ctx, s.store)
	if !slices.Contains(s.config.Directory.URLs, url) {
		url = ""
	}
	return url, err
}

// reader connects like Connect.
func (s *Snapshot) reader(ctx context.Context, prefer string) (reader, error) {
	return s.readerOf(ctx, preferred(s.config.Directory.URLs, prefer))
}

// readerOnly connects to one domain controller and to no other.
func (s *Snapshot) readerOnly(ctx context.Context, url string) (reader, error) {
	return s.readerOf(ctx, []string{url})
}

func (s *Snapshot) readerOf(ctx context.Context, urls []string) (reader, error) {
	c, err := s.connect(ctx, s.directory(urls))
	if err != nil {
		return nil, err // not a reader that holds a nil connection
	}
	return c, nil
}
