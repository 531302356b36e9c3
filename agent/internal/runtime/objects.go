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
	Close() error
}

// objects reads objects from the directory over one connection, which is opened
// when it is first needed, and again after a failure. It asks the domain controller
// that the mirror is from, whenever that can be reached: an orchestration must not see
// somebody as another one shows them that has not heard of the change that began it.
type objects struct {
	source  func(context.Context) (string, error) // URL of that domain controller; "" when it is not known
	connect func(ctx context.Context, prefer string) (reader, error)

	mu     sync.Mutex
	client reader
	prefer string       // what source said when the connection was opened
	looked time.Time    // when source was last asked
	rules  ident.Schema // of the attributes that were asked for
}

// lookAgain is how long the connection is used before it is asked again whether the
// mirror is from another domain controller now.
const lookAgain = time.Second

var _ dispatch.Directory = (*objects)(nil)

func newObjects(source func(context.Context) (string, error), connect func(context.Context, string) (reader, error)) *objects {
	return &objects{source: source, connect: connect, rules: ident.Schema{}}
}

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
	err = do(c)
	if err != nil && !errors.Is(err, conn.ErrNotFound) && !errors.Is(err, conn.ErrReferral) && ctx.Err() == nil {
		o.drop(c)
	}
	return err
}

// open returns the connection, and opens one where the mirror is from.
func (o *objects) open(ctx context.Context) (reader, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil && time.Since(o.looked) < lookAgain {
		return o.client, nil
	}
	prefer, err := o.source(ctx)
	if err != nil {
		return nil, err
	}
	o.looked = time.Now()
	if o.client != nil {
		if prefer == o.prefer {
			return o.client, nil
		}
		_ = o.client.Close() // nothing was written; what is read over it now is read again
		o.client = nil
	}
	c, err := o.connect(ctx, prefer)
	if err != nil {
		return nil, err
	}
	o.client, o.prefer = c, prefer
	return c, nil
}

// drop closes a connection that has failed.
func (o *objects) drop(c reader) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client == c {
		o.client = nil
		_ = c.Close()
	}
}

// close ends the connection.
func (o *objects) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		_ = o.client.Close()
		o.client = nil
	}
}

// objects reads the directory for a command.
func (s *Snapshot) objects() *objects { return newObjects(s.source, s.reader) }

// source returns the URL of the domain controller that the mirror is from.
func (s *Snapshot) source(ctx context.Context) (string, error) {
	url, _, err := mirror.Source(ctx, s.store)
	return url, err
}

// reader connects like Connect.
func (s *Snapshot) reader(ctx context.Context, prefer string) (reader, error) {
	c, err := s.Connect(ctx, prefer)
	if err != nil {
		return nil, err // not a reader that holds a nil connection
	}
	return c, nil
}
