package engine

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// If the keys of an application are numbers, each key has one spelling. Links
// that an earlier version made under 12.0, because the application sent that,
// are changed to it, and so are deletions that a connector reports as 12.0.

// numbersOnly reports whether every delivered key is a number. If one is a
// text, "12.0" may be a text too, and all keys stay as they are.
func (d delivery) numbersOnly() bool { return d.numbers > 0 && d.texts == 0 }

// respellStaged gives every staged key its one spelling.
func (e *Engine) respellStaged(ctx context.Context, d delivery) error {
	if !d.numbersOnly() {
		return nil
	}
	return e.Store.RespellStaged(ctx, d.staging, oneSpelling)
}

// respellLinks gives every key of an automation's links its one spelling. It
// runs after the recovery, which may make links under the former spelling.
func (e *Engine) respellLinks(ctx context.Context, a Automation, d delivery) error {
	if !d.numbersOnly() {
		return nil
	}
	space := a.Settings.Space()
	var former []ident.Key
	err := e.Store.Links(ctx, a.Settings.Application, func(l ident.Link) error {
		if l.Automation == a.Settings.Automation && l.Space() == space && oneSpelling(l.Key) != l.Key {
			former = append(former, l.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range former {
		done, err := e.Store.RespellLink(ctx, space, key, oneSpelling(key), "rollcall")
		if err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		if !done {
			if err := e.doubt(ctx, space, key); err != nil {
				return fmt.Errorf("key %s: %w", key, err)
			}
			e.Log.Warn("two links have the same number as their key", "application", space,
				"key", key, "other", oneSpelling(key), "next", "remove the wrong one: "+ident.Command("link remove", space.String(), "KEY"))
		}
	}
	return nil
}

// doubt marks a link whose key will never be delivered in this spelling. Its
// account is left alone and reported until a person has removed one of the two
// links.
func (e *Engine) doubt(ctx context.Context, space ident.Space, key ident.Key) error {
	link, linked, err := e.Store.LinkByKey(ctx, space, key)
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

// giveChosen passes the record of a chosen user to the plan. A user without a
// link is left to the next whole run when there is a link under another spelling
// of the same number: only that run sees whether all keys are numbers.
func (e *Engine) giveChosen(ctx context.Context, a Automation, d *delivery, b *plan.Builder, s arrival) error {
	key := s.Record.Key
	if s.Deleted && s.Records+s.Parts == 0 {
		return nil // nobody is missing because of a run of chosen users
	}
	if d.chosen.part(s.Record) {
		return nil // the rest of it did not come
	}
	if s.Record.Number != "" {
		_, linked, err := e.Store.LinkByKey(ctx, a.Settings.Space(), key)
		if err != nil {
			return err
		}
		if !linked {
			others, err := e.Store.KeysLikeNumbers(ctx, a.Settings.Space())
			if err != nil {
				return err
			}
			for _, other := range others {
				if other != key && oneSpelling(other) == key {
					b.Quarantine(key, "", fmt.Sprintf("a link has the key %s, which is the same number", other),
						"the next whole run gives the link the spelling "+string(key))
					return nil
				}
			}
		}
	}
	if s.without != "" {
		d.chosen.leaveOut(s)
	}
	outside := b.OutOfScope()
	err := d.give(b, s)
	delete(d.chosen.outside, key)
	if b.OutOfScope() > outside {
		d.chosen.outside[key] = b.LastOut()
	}
	return err
}
