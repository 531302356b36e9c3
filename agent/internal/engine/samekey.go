package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// keyMeta names the meta entry with the field of the endpoint that was the
// primary key when an automation's links were made.
func keyMeta(automation string) string { return "key/" + automation }

// otherKey returns the error for n links made by another field than the
// present primary key. Both are JSON pointers.
func otherKey(a Automation, former string, n int) error {
	links := "its link was"
	if n != 1 {
		links = fmt.Sprintf("its %d links were", n)
	}
	return fmt.Errorf("automation %s has primary_key = %q now, and %s made by %q: a link could lead to somebody else, "+
		"and everybody without one would count as missing. Nothing was read and nothing is changed; next: put primary_key = %q back. "+
		"If it has to be %q, take the links back (rollcall link remove %s KEY) and clear the anchors of their accounts in AD: "+
		"match then finds the accounts anew",
		a.Settings.Automation, fieldName(a.Key), links, fieldName(former), fieldName(former), fieldName(a.Key), a.Settings.Application)
}

// fieldName returns a pointer in the spelling of primary_key.
func fieldName(pointer string) string {
	name := strings.TrimPrefix(pointer, "/")
	if name == "" || strings.ContainsAny(name, "/~") {
		return pointer
	}
	return name
}

// sameKey fails if the primary key is not the field of the endpoint that the
// links were made by: a role with number 7 is not the person with number 7.
// Earlier versions recorded nothing about this and used the endpoint's own
// key. If the endpoint has another name, sameKey trusts the configuration:
// that is how to follow a field that the application renamed.
func (e *Engine) sameKey(ctx context.Context, a Automation) error {
	if a.Key == "" {
		return nil
	}
	name, here := a.Settings.Automation, a.Source.Endpoint()
	linked, err := e.Store.LinkOwners(ctx, a.Settings.Application)
	if err != nil {
		return fmt.Errorf("read the links of application %s: %w", a.Settings.Application, err)
	}
	known := e.configured.Load()
	for _, owner := range slices.Sorted(maps.Keys(linked)) {
		if owner != name && known.has(owner) {
			continue // compared with its own links
		}
		remembered, found, err := e.Store.Meta(ctx, keyMeta(owner))
		if err != nil {
			return fmt.Errorf("read which field was the primary key: %w", err)
		}
		endpoint, former, _ := strings.Cut(remembered, " ")
		if !found && owner == name {
			endpoint, former = here, cmp.Or(a.OwnKey, a.Key)
		}
		if endpoint == here && former != a.Key {
			return otherKey(a, former, linked[owner])
		}
	}
	return nil
}

// rememberKey records by which field links are made from now on. A plan does
// not record it, because its configuration may never run.
func (e *Engine) rememberKey(ctx context.Context, a Automation) error {
	if a.Key == "" {
		return nil
	}
	if err := e.Store.SetMeta(ctx, keyMeta(a.Settings.Automation), a.Source.Endpoint()+" "+a.Key); err != nil {
		return fmt.Errorf("remember which field is the primary key: %w", err)
	}
	return nil
}
