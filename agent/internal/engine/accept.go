package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// ErrNothingToAccept means that nothing a person could accept is reported
// about a key.
var ErrNothingToAccept = errors.New("nothing about it can be accepted")

// Accept records that a person accepts what the last run of an automation
// reported about a key. Later runs report it as a note, as long as its cause
// stays the same. It returns what was accepted.
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
		return nil, e.nothingToAccept(ctx, automation, key)
	}
	return items, nil
}

// nothingToAccept explains why there is nothing to accept: the whole record is
// set aside, or nothing is reported about the key.
func (e *Engine) nothingToAccept(ctx context.Context, automation string, key ident.Key) error {
	items, err := e.Store.Quarantine(ctx, automation)
	if err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	var known []string
	for _, q := range items {
		switch {
		case q.Key == key:
			return fmt.Errorf("key %s of automation %s: %w: its record is set aside as a whole: leave it out with where",
				key, automation, ErrNothingToAccept)
		case q.Key != "" && q.Part != "" && !slices.Contains(known, string(q.Key)):
			known = append(known, string(q.Key))
		}
	}
	unknown := &ident.UnknownNameError{
		What: "item that can be accepted for the key", Name: string(key), Known: known, List: "rollcall quarantine list",
	}
	return fmt.Errorf("automation %s: %w: %w", automation, ErrNothingToAccept, unknown)
}

// acceptance holds what a person has accepted, so that a plan reports it as a
// note.
type acceptance map[ident.QuarantineItem]string

func accepts(q ident.QuarantineItem) ident.QuarantineItem {
	return ident.QuarantineItem{Key: q.Key, Part: q.Part, Cause: q.Cause}
}

func (a acceptance) by(q ident.QuarantineItem) (string, bool) {
	by, ok := a[accepts(q)]
	return by, ok
}

// without returns the accepted items that are no longer reported.
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
