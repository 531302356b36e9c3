package engine

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// respell brings keys of an application whose keys are numbers to the one
// spelling of each: links that an earlier version made under 12.0 when the
// application sent that, and deletions that a connector reports as 12.0. A
// delivery with a key that is a text shows that "12.0" may be a text too, and
// leaves everything as it is.
func (e *Engine) respell(ctx context.Context, a Automation, d delivery) error {
	if d.numbers == 0 || d.texts > 0 {
		return nil
	}
	if err := e.Store.RespellStaged(ctx, d.staging, oneSpelling); err != nil {
		return err
	}
	var former []ident.Key
	err := e.Store.Links(ctx, a.Settings.Application, func(l ident.Link) error {
		if l.Automation == a.Settings.Automation && oneSpelling(l.Key) != l.Key {
			former = append(former, l.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range former {
		done, err := e.Store.RespellLink(ctx, a.Settings.Application, key, oneSpelling(key), "rollcall")
		if err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		if !done {
			if err := e.doubt(ctx, a.Settings.Application, key); err != nil {
				return fmt.Errorf("key %s: %w", key, err)
			}
			e.Log.Warn("two links have the same number as their key; remove the one that is wrong: rollcall link remove",
				"application", a.Settings.Application, "key", key, "other", oneSpelling(key))
		}
	}
	return nil
}

// doubt marks a link whose key will never be delivered in this spelling: its
// account is left alone, and told, until a person has removed one of the two.
func (e *Engine) doubt(ctx context.Context, application string, key ident.Key) error {
	link, linked, err := e.Store.LinkByKey(ctx, application, key)
	if err != nil || !linked || link.Unseen {
		return err
	}
	link.Unseen = true
	return e.Store.PutLink(ctx, link, "rollcall")
}

func oneSpelling(key ident.Key) ident.Key {
	if s, ok := abi.NumberKey(string(key)); ok {
		return ident.Key(s)
	}
	return key
}
