package store

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Seen is what somebody saw of several instances. It is another one after any of them
// has changed, has ended or is no longer among them.
type Seen struct {
	Count    int
	Versions int64 // their sum
}

// SeenOf returns what is seen of these instances.
func SeenOf(list []Instance) Seen {
	s := Seen{Count: len(list)}
	for _, i := range list {
		s.Versions += i.Version
	}
	return s
}

const (
	earlierInstances = `guid = ? AND id < ? AND ended = 0 AND idle = 0`
	seeEarlier       = `SELECT count(*), coalesce(sum(version), 0) FROM instances WHERE ` + earlierInstances
	wakeLinking      = `UPDATE instances SET next_at = ? WHERE guid = ? AND id > ? AND linking = 1 AND next_at > ?`
)

// goesOn returns when an instance goes on. One that waits for an earlier one goes on at
// once when that has changed since it was looked at.
func (b *batch) goesOn(ctx context.Context, i brief, a Advance, now int64) (int64, error) {
	at := stamp(a.NextAt)
	if at == 0 {
		return now, nil
	}
	if !a.Linking {
		return at, nil
	}
	var seen Seen
	err := b.scan(ctx, []any{&seen.Count, &seen.Versions}, seeEarlier, i.guid, i.id)
	if err != nil || seen != a.Earlier {
		at = now
	}
	return at, err
}

// wakeLinking lets those go on that wait for a link of an object and began after an
// instance; 0 stands for all.
func (b *batch) wakeLinking(ctx context.Context, guid ident.GUID, after, now int64) error {
	return b.exec(ctx, wakeLinking, now, guid, after, now)
}
