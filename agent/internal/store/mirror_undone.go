package store

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// Undone says which events are in doubt because they undo earlier ones: the domain
// controller that is read may not have received what was read from another one.
type Undone struct {
	Since time.Time // an event counts as earlier from then on; zero: none does
	Why   string    // it is in doubt
	// Server is the domain controller that the earlier ones were read from, as in
	// MirrorState; "" if they are lost there, and can only come from others.
	Server string
}

// undoes reports whether an event takes back what an earlier one has told. If that was
// a write of the agent, it is expected to come once more. A value that is neither
// the present nor a former one cannot come from a domain controller that is behind.
func (r *recorder) undoes(e *ident.Event) (bool, error) {
	if r.rules.Undone.Since.IsZero() {
		return false, nil
	}
	earlier, err := r.earlier(e)
	if err != nil {
		return false, err
	}
	undoes := slices.ContainsFunc(earlier, func(before ident.Event) bool { return len(before.Parts) == 0 }) // it may
	for _, p := range e.Parts {
		back, again := takenBack(e, p, earlier)
		undoes = undoes || back
		if again != nil {
			if err := r.expectAgain(e, again.echo, again.origin); err != nil {
				return false, err
			}
		}
	}
	return undoes, nil
}

// ownWrite is a write of the agent that an event showed.
type ownWrite struct {
	echo   operation.Echo
	origin *ident.Origin
}

// takenBack reports whether p may be how an object was before one of the earlier events,
// the newest first. again is the write of the agent that will be read once more then: what
// it wrote was the last that was read of this part.
func takenBack(e *ident.Event, p ident.EventPart, earlier []ident.Event) (back bool, again *ownWrite) {
	part, samePart := operation.EchoOf(e, p).Part, false
	var newest *ownWrite
	for _, before := range earlier {
		for _, q := range before.Parts {
			was := operation.EchoOf(&before, q)
			is := takesBack(e, p, &before, q)
			back = back || is
			if was.Part == part {
				samePart = samePart || is
				if newest == nil {
					newest = &ownWrite{was, q.Origin}
				}
			}
		}
	}
	if !samePart || newest.origin == nil {
		return back, nil
	}
	return back, newest
}

// earlier returns the events of an object from before this transaction, the newest
// first. One without parts cannot be read any more.
func (r *recorder) earlier(e *ident.Event) ([]ident.Event, error) {
	if r.newest == nil {
		r.newest = new(int64)
		if err := r.b.tx.QueryRowContext(r.b.ctx, `SELECT coalesce(max(id), 0) FROM events`).Scan(r.newest); err != nil {
			return nil, err
		}
	}
	stmt, err := r.b.prepare(selectEvents + ` WHERE guid = ? AND id <= ? AND at >= ? ORDER BY id DESC`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(r.b.ctx, e.GUID, *r.newest, stamp(r.rules.Undone.Since))
	if err != nil {
		return nil, err
	}
	return collect(rows, scanDamaged)
}

// takesBack reports whether p, of e, may be how the part of an object was before q. About
// an object that has come meanwhile, or had gone, nothing is known from before. The former
// place counts under any name, as what it is in may have been renamed.
func takesBack(e *ident.Event, p ident.EventPart, before *ident.Event, q ident.EventPart) bool {
	was := operation.EchoOf(before, q).Part
	switch {
	case was == operation.EchoLife:
		return true
	case was != operation.EchoOf(e, p).Part:
		return false
	case p.Kind == ident.EventModified:
		return operation.EchoOfValues(p.Attribute, q.Old) == operation.EchoOfValues(p.Attribute, briefValues(p.New))
	case p.Kind == ident.EventRenamed:
		return e.DN.Name() == before.From.Name()
	}
	return true
}

// expectAgain expects a write of the agent that was read from one domain controller to
// be read from another one too.
func (r *recorder) expectAgain(e *ident.Event, was operation.Echo, origin *ident.Origin) error {
	by, err := toJSON(origin)
	if err != nil {
		return err
	}
	return r.b.exec(`INSERT INTO echoes (guid, anchor, part, digest, origin_json, server, intent, settled) VALUES (?, '', ?, ?, ?, ?, 0, ?)`,
		e.GUID, was.Part, was.Digest, by, r.rules.Undone.Server, stamp(time.Now()))
}
