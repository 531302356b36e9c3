package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// shared is a cause without what is somebody's own: their key, and the names of
// their account. Causes with the same are told as one.
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

// item is a QuarantineItem with what it shares with others.
func item(key ident.Key, name, part, cause, common, next string) ident.QuarantineItem {
	q := ident.QuarantineItem{Key: key, Name: name, Part: part, Cause: cause, Next: next}
	if common != cause {
		q.Shared = common
	}
	return q
}

// setAside quarantines a key and withdraws what was planned for it. The first
// cause stays.
func (b *Builder) setAside(key ident.Key, name, cause, next string) {
	b.setAsideShared(key, name, cause, shared(cause, key), next)
}

// setAsideShared is setAside for a cause that others may have too: common is it
// without what is this user's own.
func (b *Builder) setAsideShared(key ident.Key, name, cause, common, next string) {
	if c, ok := b.changes[key]; ok {
		if name == "" {
			name = c.name
		}
		delete(b.changes, key)
		b.names.releaseAll(key)
	} else {
		b.names.release(key)
	}
	if _, ok := b.quarantined[key]; !ok {
		b.quarantined[key] = item(key, name, "", cause, common, next)
	}
}

// quarantineError sets a record aside for an error of the mapping.
func (b *Builder) quarantineError(rec ident.Record, err error) {
	cause, next := err.Error(), "correct the record at the source, or where and the mapping of the data source "+b.set.DataSource
	common := cause
	var known *mapping.Error
	if errors.As(err, &known) {
		common = strings.Replace(cause, known.Error(), known.Shared(), 1)
		if known.Next != "" {
			next = known.Next
		}
	}
	b.setAsideShared(rec.Key, recordName(rec), cause, common, next)
	b.block(rec, cause)
}

// blocked is a record that was set aside because others of this run have the
// values that it wants.
type blocked struct {
	rec ident.Record
	by  []ident.Key
}

// block remembers who has what a record that was set aside wants: they may be
// set aside themselves.
func (b *Builder) block(rec ident.Record, cause string) {
	if by := b.names.named(cause); len(by) > 0 {
		b.blocked[rec.Key] = blocked{rec, by}
	}
}

// named returns who of this run is named in a cause as the holder of a value
// that the record which is planned now was refused.
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

// blockedTries bounds how often those are planned anew who wait for others that
// wait themselves.
const blockedTries = 3

// retryBlocked plans those anew who could not have a value because of somebody
// who has been set aside since: nobody is withheld because of somebody who gets
// nothing.
func (b *Builder) retryBlocked() error {
	for range blockedTries {
		for _, key := range slices.Sorted(maps.Keys(b.blocked)) {
			w := b.blocked[key]
			if !slices.ContainsFunc(w.by, func(key ident.Key) bool { _, aside := b.quarantined[key]; return aside }) {
				continue
			}
			delete(b.blocked, key)
			delete(b.quarantined, w.rec.Key)
			b.names.begin()
			err := b.shield(w.rec.Key, w.rec, func() error {
				link, linked, err := b.view.LinkByKey(w.rec.Key)
				if err != nil {
					return err
				}
				return b.decide(w.rec, link, linked)
			})
			if err != nil {
				return fmt.Errorf("plan key %s: %w", w.rec.Key, err)
			}
		}
	}
	return nil
}

// tellRoots names the root of what follows from somebody who is in quarantine.
func (b *Builder) tellRoots() {
	for _, w := range b.blocked {
		if q, aside := b.quarantined[w.rec.Key]; aside {
			b.quarantined[w.rec.Key] = b.withRoot(q, w.by)
		}
	}
	for i, q := range b.attention {
		b.attention[i] = b.withRoot(q, b.holders[q])
	}
}

func (b *Builder) withRoot(q ident.QuarantineItem, by []ident.Key) ident.QuarantineItem {
	for _, key := range by {
		if _, aside := b.quarantined[key]; aside {
			q.Cause += fmt.Sprintf("; the key %s is in quarantine itself", key)
			q.Next = fmt.Sprintf("see what is said about the key %s; or ", key) + q.Next
		}
	}
	return q
}
