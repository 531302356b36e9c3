package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// refusals holds what the directory has refused for one automation.
type refusals map[refusedPart]ident.Refusal

type refusedPart struct {
	key  ident.Key
	part string
}

func (e *Engine) refusals(ctx context.Context, automation string) (refusals, error) {
	list, err := e.Store.Refusals(ctx, automation)
	if err != nil {
		return nil, fmt.Errorf("read what the directory refused: %w", err)
	}
	out := make(refusals, len(list))
	for _, r := range list {
		out[refusedPart{r.Key, r.Part}] = r
	}
	return out, nil
}

func (rs refusals) find(key ident.Key, part string) (ident.Refusal, bool) {
	r, ok := rs[refusedPart{key, part}]
	return r, ok
}

// without returns the refusals that no longer apply.
func (rs refusals) without(still []ident.Refusal) []ident.Refusal {
	is := make(map[refusedPart]bool, len(still))
	for _, r := range still {
		is[refusedPart{r.Key, r.Part}] = true
	}
	var past []ident.Refusal
	for part, r := range rs {
		if !is[part] {
			past = append(past, r)
		}
	}
	return past
}

// RetryRefused forgets what the directory refused for a key, or for all keys
// if key is "", so that the next run tries again. It returns how many refusals
// it forgot.
func (e *Engine) RetryRefused(ctx context.Context, automation string, key ident.Key) (int, error) {
	if !e.configured.Load().has(automation) {
		_, err := e.automation(automation)
		return 0, err
	}
	list, err := e.Store.Refusals(ctx, automation)
	if err != nil {
		return 0, fmt.Errorf("read what the directory refused: %w", err)
	}
	if known := keysOf(list); key != "" && !slices.Contains(known, string(key)) {
		return 0, &ident.UnknownNameError{
			What: "refusal that is remembered for the key", Name: string(key), Known: known, List: "rollcall quarantine list",
		}
	}
	list = slices.DeleteFunc(list, func(r ident.Refusal) bool { return key != "" && r.Key != key })
	if err := e.Store.ForgetRefusals(ctx, automation, list); err != nil {
		return 0, fmt.Errorf("try again what the directory refused: %w", err)
	}
	return len(list), nil
}

// keysOf lists the keys of refusals.
func keysOf(list []ident.Refusal) []string {
	var keys []string
	for _, r := range list {
		if !slices.Contains(keys, string(r.Key)) {
			keys = append(keys, string(r.Key))
		}
	}
	return keys
}
