// Package mirror keeps a local image of Active Directory up to date. It reads
// everything once and then the changes, by DirSync or, if DirSync is refused,
// by paged search.
//
// The image holds users, computers, groups, organizational units, containers
// and contacts of one naming context, as far as the bind account may read
// them. What the account may not read is unknown to the image, not empty. The
// image is the state of one domain controller at one moment; changes that have
// not reached it yet are not included.
//
// The package does not decide what a change means and raises no events.
package mirror

import (
	"context"
	"fmt"
	"log/slog"
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
// Spec.Incremental forbids, a *WholeError.
func Sync(ctx context.Context, dir Directory, st Store, spec Spec, log *slog.Logger) (Report, error) {
	server := dir.Server()
	s := &synchroniser{dir: dir, store: st, spec: spec, base: server.NamingContext, log: log, began: time.Now(), stored: map[string]bool{}}
	s.report.Server = server.Identity()
	for _, name := range spec.names() {
		s.stored[name] = true
	}
	progress.Tell(ctx, progress.Step{Phase: "reading the directory"})
	var err error
	if spec.Base.Under(s.base) {
		err = s.sync(ctx)
	} else {
		err = fmt.Errorf("%q is not in the naming context of %s", spec.Base, server.URL)
	}
	if err == nil {
		s.report.Entries, err = st.CountEntries(ctx)
	}
	s.report.Took = time.Since(s.began)
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
	stored map[string]bool // the attributes, lower case
	log    *slog.Logger
	began  time.Time
	usn    int64 // highestCommittedUSN of the server at the beginning
	before store.MirrorState
	last   cursor // the previous cursor; zero if there is none
	report Report
}

func (s *synchroniser) sync(ctx context.Context) error {
	var err error
	if s.usn, err = s.dir.HighestUSN(ctx); err != nil {
		return err
	}
	if s.before, err = s.store.MirrorState(ctx); err != nil {
		return err
	}
	if reason := s.whyWhole(); reason != "" {
		return s.readWhole(ctx, reason)
	}
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

// whyWhole says why reading only changes would not be enough; "" if it is.
func (s *synchroniser) whyWhole() string {
	var err error
	s.last, err = decodeCursor(s.before.Cookie)
	switch {
	case len(s.before.Cookie) == 0:
		return "the first read"
	case err != nil:
		return err.Error()
	case !s.before.Full:
		return "the last full read was cut off"
	case s.before.Spec != s.spec.digest(s.base):
		return "the attributes or the base to mirror have changed"
	case s.before.Server != s.report.Server:
		return "the domain controller was " + s.before.Server
	case s.usn < s.last.USN:
		return "the domain controller's database is older than at the last read"
	case s.began.Sub(s.last.Whole) > maxAge:
		return "the last full read is more than a day old"
	}
	return ""
}

// state returns what is committed together with the entries read up to c.
func (s *synchroniser) state(c cursor, full bool) (store.MirrorState, error) {
	cookie, err := c.encode()
	return store.MirrorState{Cookie: cookie, Server: s.report.Server, Spec: s.spec.digest(s.base), Full: full, Synced: s.began}, err
}
