package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// shared returns a cause without what is one user's own: the key, and the names
// of the account. Users for whom it is the same are reported together.
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

// item makes a QuarantineItem; common is its cause as others share it.
func item(key ident.Key, name, part, cause, common, next string) ident.QuarantineItem {
	q := ident.QuarantineItem{Key: key, Name: name, Part: part, Cause: cause, Next: next}
	if common != cause {
		q.Shared = common
	}
	return q
}

// setAside quarantines a key and withdraws what was planned for it. The first
// cause stays.
func (d *draft) setAside(key ident.Key, name, cause, next string) {
	d.setAsideShared(key, name, cause, shared(cause, key), next)
}

// setAsideShared is setAside for a cause that several users may have. common is
// the cause without what is this user's own.
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

// blocked is a record that was set aside because others of this run have the
// values that it wants.
type blocked struct {
	rec ident.Record
	by  []ident.Key
}

// block remembers who has the values that a record was set aside for: they may
// be set aside themselves (see Builder.retryBlocked).
func (d *draft) block(rec ident.Record, cause string) {
	if by := d.names.named(cause); len(by) > 0 {
		d.blocked[rec.Key] = blocked{rec, by}
	}
}

// named returns the records of this run that a cause names as holders of values
// which the record that is planned now asked for.
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

// tellRoots adds, to whatever waits for the value of a record in quarantine, that
// this record is what to look at first.
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
