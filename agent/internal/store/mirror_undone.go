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
	Since  time.Time // an event counts as earlier from then on; zero: none does
	Why    string    // it is in doubt
	Server string    // the domain controller that the earlier ones were read from, as in MirrorState
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
		part, newest := operation.EchoOf(e, p).Part, true
		for _, before := range earlier {
			for _, q := range before.Parts {
				was := operation.EchoOf(&before, q)
				undoes = undoes || takesBack(p, part, q, was.Part)
				if was.Part != part {
					continue
				}
				if newest && q.Origin != nil {
					if err := r.expectAgain(e, was, q.Origin); err != nil {
						return false, err
					}
				}
				newest = false
			}
		}
	}
	return undoes, nil
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

// takesBack reports whether p may be how the part of an object was before q. About an
// object that has come meanwhile, or had gone, nothing is known from before.
func takesBack(p ident.EventPart, part string, q ident.EventPart, was string) bool {
	switch {
	case was == operation.EchoLife:
		return true
	case was != part:
		return false
	case p.Kind == ident.EventModified:
		return operation.EchoOfValues(p.Attribute, q.Old) == operation.EchoOfValues(p.Attribute, briefValues(p.New))
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
