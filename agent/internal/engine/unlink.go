package engine

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Unlink removes a link. Its account stays as it is; held operations of the
// record are dropped. Unlink refuses while a run of the link's automation is
// in progress, or while the result of a write for the record is unknown.
func (e *Engine) Unlink(ctx context.Context, space ident.Space, key ident.Key, by string) (store.Unlinked, error) {
	link, linked, err := e.Store.LinkByKey(ctx, space, key)
	if err != nil {
		return store.Unlinked{}, fmt.Errorf("look up the link of key %s: %w", key, err)
	}
	if !linked {
		return store.Unlinked{}, &store.NotLinkedError{Space: space, Key: key}
	}
	lease, err := e.acquire(ctx, "automation "+link.Automation, by)
	if err != nil {
		return store.Unlinked{}, fmt.Errorf("remove the link of %s key %s: %w", space, key, err)
	}
	defer e.release(ctx, lease)
	gone, err := e.Store.DeleteLink(ctx, lease, space, key, by)
	if err != nil {
		return store.Unlinked{}, fmt.Errorf("remove the link of %s key %s: %w", space, key, err)
	}
	for _, h := range gone.Dropped {
		e.Log.Info("a held operation is dropped: the link was removed", "automation", h.Automation, "run", h.Run,
			"operation", h.Operation.Class, "key", key, "by", by)
		if err := e.ObserveHeld(ctx, h.Automation); err != nil {
			return gone, err
		}
	}
	return gone, nil
}
