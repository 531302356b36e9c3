package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// shared returns a cause without one user's own details: the key and the names
// of the account. Users with the same shared cause are reported together.
func shared(cause string, key ident.Key, own ...string) string {
	if key != "" {
		cause = strings.ReplaceAll(cause+" ", "the key "+string(key)+" ", "the key ")
		cause = strings.ReplaceAll(cause, "the key "+string(key)+",", "the key,")
		cause = strings.TrimSuffix(cause, " ")
	}
	for _, name := range own {
		if name != "" {
			cause = strings.ReplaceAll(cause, name, "the account")
		}
	}
	return cause
}

// item returns a QuarantineItem; common is the form of its cause that other
// users may share.
func item(key ident.Key, name, part, cause, common, next string) ident.QuarantineItem {
	q := ident.QuarantineItem{Key: key, Name: name, Part: part, Cause: cause, Next: next}
	if common != cause {
		q.Shared = common
	}
	return q
}

// setAside quarantines a key and withdraws what was planned for it. If the key
// is set aside again, the first cause stays.
func (d *draft) setAside(key ident.Key, name, cause, next string) {
	d.setAsideShared(key, name, cause, shared(cause, key), next)
}

// setAsideShared is like setAside, for a cause that several users may share.
// common is the cause without this user's own details.
func (d *draft) setAsideShared(key ident.Key, name, cause, common, next string) {
	if c, ok := d.changes[key]; ok {
		if name == "" {
			name = c.name
		}
		delete(d.changes, key)
		d.names.releaseAll(key)
	} else {
		d.names.release(key)
	}
	if _, ok := d.quarantined[key]; !ok {
		d.quarantined[key] = item(key, name, "", cause, common, next)
	}
}

// quarantineError sets a record aside for an error of the mapping.
func (d *draft) quarantineError(rec ident.Record, err error) {
	cause, next := err.Error(), "correct the record at the source, or where and the mapping of the data source "+d.set.DataSource
	common := cause
	var known *mapping.Error
	if errors.As(err, &known) {
		common = strings.Replace(cause, known.Error(), known.Shared(), 1)
		if known.Next != "" {
			next = known.Next
		}
	}
	d.setAsideShared(rec.Key, recordName(rec), cause, common, next)
	d.block(rec, cause)
}

// blocked is a record that was set aside because other records of this run
// have the values that it wants.
type blocked struct {
	rec ident.Record
	by  []ident.Key
}

// block remembers which records have the values that a record was set aside
// for, because they may be set aside themselves (see Builder.retryBlocked).
func (d *draft) block(rec ident.Record, cause string) {
	if by := d.names.named(cause); len(by) > 0 {
		d.blocked[rec.Key] = blocked{rec, by}
	}
}

// named returns the keys of this run that a cause mentions as holders of
// values that the present record asked for.
func (n *names) named(cause string) []ident.Key {
	var by []ident.Key
	for _, key := range n.holders {
		if strings.Contains(cause, holderOfThisRun(key)) && !slices.Contains(by, key) {
			by = append(by, key)
		}
	}
	return by
}

func holderOfThisRun(key ident.Key) string { return fmt.Sprintf("the key %s of this run", key) }

// tellRoots adds to each item that waits for the value of a record in
// quarantine that this record must be dealt with first.
func (d *draft) tellRoots() {
	for _, w := range d.blocked {
		if q, aside := d.quarantined[w.rec.Key]; aside {
			d.quarantined[w.rec.Key] = d.withRoot(q, w.by)
		}
	}
	for i, q := range d.attention {
		d.attention[i] = d.withRoot(q, d.holders[q])
	}
}

func (d *draft) withRoot(q ident.QuarantineItem, by []ident.Key) ident.QuarantineItem {
	for _, key := range by {
		if _, aside := d.quarantined[key]; aside {
			q.Cause += fmt.Sprintf("; the key %s is in quarantine itself", key)
			q.Next = fmt.Sprintf("see what is said about the key %s; or ", key) + q.Next
		}
	}
	return q
}
