package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const (
	// pageSize is how many objects of a full read one transaction stores.
	pageSize = 500
	// fewEntries is the size up to which a mirror may shrink without
	// suspicion.
	fewEntries = 100
)

// ShrinkError reports a read that shows less than half of the objects of the
// mirror. A lost permission is more likely than so many deletions. If they
// were deletions, Spec.AcceptShrink accepts the read.
type ShrinkError struct {
	Had, Got int
}

func (e *ShrinkError) Error() string {
	shows := fmt.Sprintf("%d objects", e.Got)
	if e.Got == 1 {
		shows = "1 object"
	}
	return fmt.Sprintf("the directory shows %s where there were %d: the mirror keeps them; next: check what the bind account may read",
		shows, e.Had)
}

// WholeError says why everything must be read, where Spec.Incremental forbids it.
// The mirror is as it was.
type WholeError struct {
	Reason string // "" if every synchronisation reads everything, because DirSync is refused
	// Elsewhere means that the mirror was last brought up to date with another domain
	// controller.
	Elsewhere bool
}

func (e *WholeError) Error() string {
	if e.Reason == "" {
		return "everything must be read: the domain controller refuses DirSync"
	}
	return "everything must be read: " + e.Reason
}

// readWhole reads everything in the best way that the server allows.
func (s *synchroniser) readWhole(ctx context.Context, reason string) error {
	if s.spec.Incremental {
		return &WholeError{Reason: reason, Elsewhere: s.before.Full && s.before.Server != s.report.Server}
	}
	if err := s.awaitReplication(ctx); err != nil {
		return err
	}
	if err := s.checkAttributes(ctx); err != nil {
		return err
	}
	var refusedWith error
	for _, w := range ways() {
		s.report.Mode, s.report.Full, s.report.Changed = w.Mode, true, 0
		r := &wholeRead{synchroniser: s, way: w, seen: map[ident.GUID]struct{}{}}
		err := r.run(ctx)
		if w.Mode == ModeDirSync && refused(err) {
			refusedWith = err
			continue
		}
		if err == nil {
			s.announce(w, reason, refusedWith, r.blind())
		}
		return err
	}
	return nil
}

// announce logs how the directory is read if that has changed.
func (s *synchroniser) announce(w way, reason string, refusedWith error, blind bool) {
	if reason != "" {
		s.log.Info("the directory was read whole", "cause", reason, "mode", w.Mode, "own_rights_only", w.Security,
			"objects", s.report.Changed, "removed", s.report.Removed, "server", s.report.Server)
	}
	if s.last.Way == w && s.last.Blind == blind {
		return
	}
	if w.Mode == ModePaged {
		s.log.Warn("DirSync is refused: every synchronisation reads the whole directory by paged search", "cause", refusedWith,
			"next", "give the bind account the right Replicating Directory Changes, and the base the DN of the domain")
	} else if blind {
		s.log.Warn("the bind account is not shown deletions: they are found by comparing all objects",
			"next", "let it list and read CN=Deleted Objects")
	}
}

// wholeRead is a full read in progress.
type wholeRead struct {
	*synchroniser
	way          way
	had          int // objects in the mirror before
	begun        bool
	seen         map[ident.GUID]struct{}
	page         []ident.Entry
	sawTombstone bool
}

// blind reports whether deletions stay hidden. A server that shows them sends
// at least the container of tombstones, which is itself marked as deleted.
func (r *wholeRead) blind() bool { return r.way.Mode == ModeDirSync && !r.sawTombstone }

func (r *wholeRead) run(ctx context.Context) error {
	if r.way.Mode == ModePaged {
		err := r.search(ctx, filter, r.names, func(e ident.Entry) error { return r.add(ctx, e) })
		if err != nil {
			return err
		}
		return r.finish(ctx, nil)
	}
	var cookie []byte
	for {
		page, err := r.dirSync(ctx, r.way, cookie)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if e.Deleted {
				r.sawTombstone = true
			} else if err := r.add(ctx, ident.Entry{GUID: e.GUID, DN: e.DN, Attributes: e.Changed}); err != nil {
				return err
			}
		}
		if cookie = page.Cookie; !page.More {
			return r.finish(ctx, cookie)
		}
	}
}

func (r *wholeRead) add(ctx context.Context, e ident.Entry) error {
	r.page = append(r.page, e)
	if len(r.page) < pageSize {
		return nil
	}
	return r.flush(ctx)
}

// flush stores a page. From the first page on, the mirror is marked as not
// full.
func (r *wholeRead) flush(ctx context.Context) error {
	if err := r.complete(ctx); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	err := r.store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		r.record(tx)
		return r.put(tx, r.page)
	})
	r.page = r.page[:0]
	progress.Tell(ctx, progress.Step{Phase: "reading the directory, objects", Done: r.report.Changed})
	return err
}

// complete reads the unfinished objects of the page again; those that have
// gone since are left out.
func (r *wholeRead) complete(ctx context.Context) error {
	ask := unfinished(r.page)
	if len(ask) == 0 {
		return nil
	}
	found, err := r.lookUp(ctx, ask)
	if err != nil {
		return err
	}
	r.page = slices.DeleteFunc(r.page, func(e ident.Entry) bool { return slices.Contains(ask, e.GUID) })
	r.page = slices.AppendSeq(r.page, maps.Values(found))
	return nil
}

// put stores objects. An object reported again during the read has changed
// meanwhile; its second report may contain only the change.
func (r *wholeRead) put(tx store.MirrorTx, entries []ident.Entry) error {
	for _, e := range entries {
		e = r.clean(e)
		if _, again := r.seen[e.GUID]; again {
			if _, err := tx.Merge(e.GUID, e.DN, e.Attributes); err != nil {
				return err
			}
			continue
		}
		if err := tx.Put(e); err != nil {
			return err
		}
		r.seen[e.GUID] = struct{}{}
		r.report.Changed++
	}
	return nil
}

func (r *wholeRead) begin(ctx context.Context) error {
	if r.begun {
		return nil
	}
	r.begun = true
	if !r.otherBase() {
		var err error
		if r.had, err = r.store.CountEntries(ctx); err != nil {
			return err
		}
	}
	names := r.comparable
	if names == nil { // nothing of the mirror is left
		names = r.names
	}
	state, err := r.state(cursor{Way: r.way, Base: r.base.Fold(), Names: names}, false)
	if err != nil {
		return err
	}
	state.Synced, state.Events = r.before.Synced, r.recording()
	return r.store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		if r.otherBase() {
			if err := tx.Clear(); err != nil {
				return err
			}
		}
		r.record(tx)
		if err := tx.BeginSweep(); err != nil {
			return err
		}
		return tx.SetState(state)
	})
}

// finish removes what was not seen and commits the cursor with the removals.
func (r *wholeRead) finish(ctx context.Context, cookie []byte) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	if err := r.checkSize(r.had, len(r.seen)); err != nil {
		return err
	}
	there, gone, err := r.missed(ctx)
	if err != nil {
		return err
	}
	doubts, err := r.doubts(ctx, gone)
	if err == nil {
		err = r.note(ctx)
	}
	if err != nil {
		return err
	}
	return r.store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		r.record(tx)
		doubt(tx, doubts)
		if err := r.put(tx, there); err != nil {
			return err
		}
		if r.report.Removed, err = tx.Sweep(); err != nil {
			return err
		}
		return r.conclude(tx, cookie)
	})
}

// conclude commits the cursor.
func (r *wholeRead) conclude(tx store.MirrorTx, cookie []byte) error {
	nothing, err := r.foundNothing(tx)
	if err != nil {
		return err
	}
	if nothing {
		r.reached = 0
	}
	state, err := r.state(cursor{
		Way: r.way, Base: r.base.Fold(), Names: r.names, Cookie: cookie, USN: r.usn,
		Blind: r.blind(), Swept: r.began, Whole: r.began,
	}, true)
	if err != nil {
		return err
	}
	return tx.SetState(state)
}

// missed returns the objects of the mirror that this read has not seen: those
// that still exist, and those that do not.
func (r *wholeRead) missed(ctx context.Context) (there []ident.Entry, gone []ident.GUID, err error) {
	all, err := r.store.CountEntries(ctx)
	if err != nil || all == len(r.seen) {
		return nil, nil, err
	}
	return r.unseen(ctx, r.seen)
}

var errNothing = errors.New("the bind account is shown no object at all; next: let it read the domain")

func (s *synchroniser) checkSize(had, got int) error {
	if got == 0 {
		return errNothing
	}
	if had > fewEntries && got < had/2 && !s.spec.AcceptShrink {
		return &ShrinkError{Had: had, Got: got}
	}
	return nil
}
