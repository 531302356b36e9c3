package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// ErrNothingToAccept means that nothing is reported about a key that a person
// could say is meant to be so.
var ErrNothingToAccept = errors.New("nothing about it can be accepted")

// Accept says that what the last run of an automation reported about a key is
// meant to be so: later runs report it as a note, as long as its cause stays the
// same. It returns what was accepted.
func (e *Engine) Accept(ctx context.Context, automation string, key ident.Key, by string) ([]ident.QuarantineItem, error) {
	if !e.configured.Load().has(automation) {
		_, err := e.automation(automation)
		return nil, err
	}
	items, err := e.Store.AcceptQuarantined(ctx, automation, key, by)
	if err != nil {
		return nil, fmt.Errorf("accept what is reported about key %s of automation %s: %w", key, automation, err)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("key %s of automation %s: %w: `rollcall quarantine list` shows what needs a person; a record that is set aside as a whole is left out with where",
			key, automation, ErrNothingToAccept)
	}
	return items, nil
}

// acceptance is what a plan is told to be meant so.
type acceptance map[ident.QuarantineItem]string

func accepts(q ident.QuarantineItem) ident.QuarantineItem {
	return ident.QuarantineItem{Key: q.Key, Part: q.Part, Cause: q.Cause}
}

func (a acceptance) by(q ident.QuarantineItem) (string, bool) {
	by, ok := a[accepts(q)]
	return by, ok
}

// without returns what was accepted and is not so any more.
func (a acceptance) without(still []ident.QuarantineItem) []ident.QuarantineItem {
	is := make(map[ident.QuarantineItem]bool, len(still))
	for _, q := range still {
		is[accepts(q)] = true
	}
	var gone []ident.QuarantineItem
	for q := range a {
		if !is[q] {
			gone = append(gone, q)
		}
	}
	return gone
}
