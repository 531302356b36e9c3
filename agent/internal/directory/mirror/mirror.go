// Package mirror keeps a local image of Active Directory up to date. It reads
// everything once and then the changes, by DirSync; everything again once a day; and
// everything each time something has changed, by paged search, where DirSync is refused.
//
// The image holds users, computers, groups, organizational units, containers
// and contacts of one naming context, as far as the bind account may read
// them. What the account may not read is unknown to the image, not empty. The
// image is the state of one domain controller at one moment; changes that have
// not reached it yet are not included. A look that shows nothing new is stored now
// and then only, so the image may be newer than its cursor says.
//
// What differs from the image when it is brought up to date becomes events about
// users and groups, if Spec asks for them. They commit with the image and the
// cookie, so none is lost or told twice, whatever is killed when:
//   - The first read yields none, nor does an image that had to be cleared, or one
//     that was kept while nobody asked for events. A log line says from when on
//     they count.
//   - A full read yields the differences from the image, all of them with its last
//     transaction: only then it is known which object a DN names. One that is cut
//     off is begun again, and forgets nothing of what it found.
//   - An attribute that was not mirrored before has no former value, so its first
//     values are no event. An image with more attributes than are wanted is kept
//     as it is, so that two configurations that take turns do not hide changes.
//
// Not every difference is a change by somebody. The event says why it is in doubt:
//   - An object that is no longer shown is looked for among the deleted ones. If it
//     is not found there either, the deletion is not certain, nor is what follows from it.
//   - An attribute that is no longer shown of most objects that had it may be out of sight.
//   - Another domain controller may not have received what was read from the former one. If
//     it says so, it is waited for; then what undoes an earlier event is in doubt. So it is
//     where the database was set back.
//
// The package does not decide who is interested in an event, and which domain controller
// is asked. What was written by the agent itself is recognised by the store, in the same
// transaction.
package mirror

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Store keeps the image, and how up to date it is.
type Store interface {
	MirrorState(context.Context) (store.MirrorState, error)
	// UpdateMirror changes the image in one transaction. If the function
	// returns an error, nothing changes, and UpdateMirror returns the error
	// wrapped.
	UpdateMirror(context.Context, func(store.MirrorTx) error) error
	CountEntries(context.Context) (int, error)
	EntryByGUID(context.Context, ident.GUID) (ident.Entry, bool, error)
	// EachEntry calls the function for every object; its error ends the walk.
	EachEntry(context.Context, func(ident.Entry) error) error
}

// Mode says how the directory was read.
type Mode string

// The modes.
const (
	ModeDirSync Mode = "dirsync"
	ModePaged   Mode = "paged"
)

// Report says what a synchronisation did.
type Report struct {
	Mode    Mode
	Full    bool          // everything was read, not only changes
	Changed int           // objects that were read and stored
	Removed int           // objects that are gone
	Entries int           // objects in the mirror now
	Events  int           // that were recorded
	Newest  int64         // the id of the last of these events; 0: there was none
	Server  string        // domain controller and copy of its database
	Took    time.Duration // all of it
}

// maxAge is the age of the last full read from which the next read is full
// again. A full read corrects what no feed of changes shows: changed
// permissions of the bind account, and a database that was restored and has
// caught up since.
const maxAge = 24 * time.Hour

// Sync brings the mirror up to date with the directory. Only one goroutine may
// call it at a time.
//
// If it fails, the mirror is either unchanged or marked as not Full: then it
// mixes old and new objects and must not be used before a later Sync succeeds.
// A read that shows suspiciously few objects returns a *ShrinkError; an
// attribute that cannot be mirrored, an *AttributeError; a read of everything that
// Spec.Incremental forbids, a *WholeError; one at a domain controller that is behind
// the mirror, a *BehindError.
func Sync(ctx context.Context, dir Directory, st Store, spec Spec, log *slog.Logger) (Report, error) {
	server := dir.Server()
	s := &synchroniser{dir: dir, store: st, spec: spec, base: server.NamingContext, log: log, now: spec.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.began = s.now()
	s.report.Server = server.Identity()
	s.take(spec.names())
	progress.Tell(ctx, progress.Step{Phase: "reading the directory"})
	var err error
	if spec.Base.Under(s.base) {
		err = s.sync(ctx)
	} else {
		err = fmt.Errorf("%q is not in the naming context of %s", spec.Base, server.URL)
	}
	if err == nil {
		s.announceEvents()
		s.report.Entries, err = st.CountEntries(ctx)
	}
	s.report.Took = s.now().Sub(s.began)
	if err != nil {
		return s.report, fmt.Errorf("synchronise the mirror of %s: %w", s.base, err)
	}
	return s.report, nil
}

// synchroniser is one synchronisation in progress.
type synchroniser struct {
	dir    Directory
	store  Store
	spec   Spec
	base   ident.DN        // the naming context
	names  []string        // of the attributes that are read and stored: lower case, sorted
	stored map[string]bool // the same
	// comparable lists the attributes that were mirrored before; nil when that is
	// not known, so that nothing can be an event.
	comparable []string
	log        *slog.Logger
	now        func() time.Time
	began      time.Time
	usn        int64 // highestCommittedUSN of the server at the beginning
	before     store.MirrorState
	damaged    string // why the previous cursor cannot be read
	last       cursor // the previous cursor; zero if there is none
	report     Report
	reached    int64        // highestCommittedUSN after a read that found something; 0: there was none
	undone     store.Undone // which events are set aside, because the domain controller may be behind
	// recorded counts the events of the transaction that was the last.
	recorded store.Recorded
}

func (s *synchroniser) sync(ctx context.Context) error {
	var err error
	if s.usn, err = s.dir.HighestUSN(ctx); err != nil {
		return err
	}
	if s.before, err = s.store.MirrorState(ctx); err != nil {
		return err
	}
	have := s.readCursor()
	s.last.Names = have
	if reason := s.whyWhole(have); reason != "" {
		if reason == otherAttributes { // whoever asked for the others may come back
			s.take(union(s.names, have))
		}
		s.comparable = shared(have, s.names)
		return s.readWhole(ctx, reason)
	}
	s.take(have)
	s.comparable = have
	s.report.Mode = s.last.Way.Mode
	switch {
	case s.usn != s.last.USN && s.last.Way.Mode == ModePaged:
		return s.readWhole(ctx, "")
	case s.usn != s.last.USN:
		return s.catchUp(ctx)
	case s.sweepDue(s.last):
		return s.sweep(ctx, s.last, changes{}, false)
	}
	return s.apply(ctx, s.last, changes{}, nil)
}

// readCursor reads where the last synchronisation ended. It returns the attributes
// of the mirror; nil when they are not known.
func (s *synchroniser) readCursor() []string {
	var err error
	if s.last, err = decodeCursor(s.before.Cookie); err != nil {
		s.damaged = err.Error()
	}
	if s.last.Names != nil {
		return s.last.Names
	}
	if wanted := s.spec.names(); s.before.Spec == digest(s.base, wanted) {
		return wanted // a cursor of an older version, or a damaged one
	}
	return nil
}

const otherAttributes = "the attributes or the base to mirror have changed"

// whyWhole says why reading only changes would not be enough; "" if it is. have
// lists the attributes of the mirror.
func (s *synchroniser) whyWhole(have []string) string {
	switch {
	case len(s.before.Cookie) == 0:
		return "the first read"
	case s.damaged != "":
		return s.damaged
	case !s.before.Full:
		return "the last full read was cut off"
	case s.before.Spec != digest(s.base, have) || len(shared(s.names, have)) < len(s.names):
		return otherAttributes
	case s.before.Server != s.report.Server:
		return "the domain controller was " + s.before.Server
	case s.usn < max(s.last.USN, s.last.From.USN):
		return "the domain controller's database is older than at the last read"
	case s.began.Sub(s.last.Whole) > maxAge:
		return "the last full read is more than a day old"
	}
	return ""
}

// take sets the attributes that are read and stored.
func (s *synchroniser) take(names []string) {
	s.names, s.stored = names, map[string]bool{}
	for _, name := range names {
		s.stored[name] = true
	}
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// shared lists the names of a that are in b; nil when b is.
func shared(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	both := []string{}
	for _, name := range a {
		if slices.Contains(b, name) {
			both = append(both, name)
		}
	}
	return both
}

// state returns what is committed together with the entries read up to c.
func (s *synchroniser) state(c cursor, full bool) (store.MirrorState, error) {
	if c.From, c.Behind, c.Older = s.last.From, s.last.Behind, s.older(); full {
		server := s.dir.Server()
		c.From = source{URL: server.URL, Server: s.report.Server, Database: server.InvocationID, USN: cmp.Or(s.reached, c.From.USN)}
		c.Behind, c.Older = time.Time{}, false
	}
	cookie, err := c.encode()
	return store.MirrorState{
		Cookie: cookie, Server: s.report.Server, Spec: digest(s.base, s.names), Full: full, Synced: s.began, Events: s.wantsEvents(),
		Deletions: c.deletions(),
	}, err
}
