// Package feed keeps the mirror of Active Directory up to date within a fraction of
// a second, for those who react to what anybody changes there. It watches
// highestCommittedUSN of one domain controller, lets notifications of the server
// wake it earlier, and has the changes read when it moves. It goes on at another
// domain controller when the one it watches is lost.
//
// It does not know what a change means: whoever brings the mirror up to date
// records the events. It is of no use where nothing asks for events, and pauses
// then. Runs do not depend on it, as they bring the mirror up to date themselves.
package feed

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Connection leads to one domain controller. Notify is called beside the others,
// which are called one at a time.
type Connection interface {
	Server() conn.Server
	// HighestUSN must be cheap: it is read several times a second.
	HighestUSN(context.Context) (int64, error)
	// Sync brings the mirror up to date.
	Sync(context.Context) (mirror.Report, error)
	// Notify calls changed whenever the server says that something has changed. It
	// returns an error when ctx ends, or when this cannot be had any longer.
	Notify(ctx context.Context, changed func()) error
	// Close ends the connection. Notify has returned by then.
	Close() error
}

// Observer is told how the feed stands, for metrics. Its methods must not block.
type Observer interface {
	// Following reports whether the feed follows a domain controller.
	Following(bool)
	// Caught reports that the mirror shows what the domain controller had at a moment.
	Caught(at time.Time)
}

// Settings say what a feed works with.
type Settings struct {
	// Wanted reports whether anything asks for events. Wake makes the feed ask again.
	Wanted func() bool
	// Connect opens a connection to a domain controller that can be reached.
	Connect func(context.Context) (Connection, error)
	// Elsewhere is the error of a Sync after which a new connection leads to the domain
	// controller that the mirror is from. It is no outage.
	Elsewhere error
	Observer  Observer
	Log       *slog.Logger
}

// Feed is one feed. It has to be run.
type Feed struct {
	Settings
	rhythm    rhythm
	woken     chan struct{}
	following atomic.Bool
}

// New prepares a feed.
func New(s Settings) *Feed {
	return &Feed{Settings: s, rhythm: usual(), woken: make(chan struct{}, 1)}
}

// Wake makes a feed that pauses, or that waits after a failure, try again now. It
// returns at once.
func (f *Feed) Wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// Reached tells a feed that waits after a failure that somebody else has just reached
// the directory. It returns at once.
func (f *Feed) Reached() {
	if !f.following.Load() {
		f.Wake()
	}
}

func (f *Feed) follows(is bool) {
	f.following.Store(is)
	f.Observer.Following(is)
}

// Run follows the directory until ctx ends, and leaves nothing running behind.
func (f *Feed) Run(ctx context.Context) {
	var o outage
	for ctx.Err() == nil {
		if !f.Wanted() {
			o = outage{} // nobody misses anything
			f.follows(false)
			f.wait(ctx, time.Hour)
			continue
		}
		err := rescue.Do(f.Log, func() error { return f.visit(ctx, &o) })
		f.follows(false)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.wait(ctx, f.failed(&o, err))
		}
	}
}

// wait returns after a time, when the feed is woken, or when ctx ends.
func (f *Feed) wait(ctx context.Context, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-f.woken:
	case <-t.C:
	}
}

// visit follows one domain controller. It returns nil when nothing asks for events
// any more.
func (f *Feed) visit(ctx context.Context, o *outage) error {
	c, err := f.Connect(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	noticed := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() { f.listen(ctx, c, noticed) })
	defer func() {
		cancel()
		listening.Wait()
		_ = c.Close() // nothing was written
	}()
	return f.follow(ctx, c, o, noticed)
}

// follow looks how far the domain controller is, and brings the mirror up to date
// when it has moved on.
func (f *Feed) follow(ctx context.Context, c Connection, o *outage, noticed <-chan struct{}) error {
	var p pace
	for {
		p.looked = time.Now()
		usn, err := c.HighestUSN(ctx)
		if err != nil {
			return err
		}
		if p.due(usn, f.rhythm) {
			if err := f.sync(ctx, c, &p, usn); err != nil {
				return err
			}
			f.recovered(o, c.Server())
		}
		f.Observer.Caught(p.looked)
		next := p.next(f.rhythm)
		t := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-f.woken:
			sleep(ctx, time.Until(p.noticed(f.rhythm)))
		case <-noticed:
			sleep(ctx, time.Until(p.noticed(f.rhythm)))
		}
		t.Stop()
		if ctx.Err() != nil || !f.Wanted() {
			return ctx.Err()
		}
	}
}

func (f *Feed) sync(ctx context.Context, c Connection, p *pace, usn int64) error {
	began := time.Now()
	report, err := c.Sync(ctx)
	took := time.Since(began)
	if err != nil {
		return &syncError{err, took}
	}
	p.synced(began, took, usn, report)
	return nil
}

// listen has the server tell of changes, as long as it does. Where it does not, or
// not any longer, the feed finds them a little later by itself.
func (f *Feed) listen(ctx context.Context, c Connection, noticed chan<- struct{}) {
	for pause := relisten; ctx.Err() == nil; pause = min(2*pause, 60*relisten) {
		began := time.Now()
		err := c.Notify(ctx, func() {
			select {
			case noticed <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		f.Log.Debug("the domain controller does not tell of changes: they are found by looking", "server", c.Server().URL, "cause", err)
		if time.Since(began) > 10*pause {
			pause = relisten
		}
		sleep(ctx, pause)
	}
}

// relisten is the pause before the server is asked again to tell of changes.
const relisten = time.Minute

// sleep returns after a time, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
