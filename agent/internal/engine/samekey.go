package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
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
		a.Settings.Automation, fieldName(a.Key), links, fieldName(former), fieldName(former), fieldName(a.Key), a.Settings.Space())
}

// otherKind returns the error for n links of another kind than that of the
// endpoint's records. They could be of the same people, as before the connector
// or the configuration named the kind, or of others.
func otherKind(a Automation, owner store.LinkOwner, n int) error {
	links := "its link is"
	if n != 1 {
		links = fmt.Sprintf("its %d links are", n)
	}
	now, application, endpoint := a.Settings.Space().Kind(), a.Settings.Application, a.Source.Endpoint()
	return fmt.Errorf("the records of automation %s are of the kind %s now, and %s of the kind %s: nobody would be found by their link. "+
		"Nothing was read and nothing is changed; next: if they are the same people, let the endpoint keep the kind: "+
		"kind = %q in [applications.%s.endpoints.%s]. If they are others, give them an automation of another name, "+
		"or take the links back: %s",
		a.Settings.Automation, now, links, owner.Kind, owner.Kind, application, endpoint,
		ident.Command("link remove", ident.SpaceOf(application, owner.Kind).String(), "KEY"))
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
// links were made by, or the records are of another kind: a role with number 7
// is not the person with number 7.
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
	for _, owner := range slices.SortedFunc(maps.Keys(linked), store.LinkOwner.Compare) {
		own := owner.Automation == name
		if owner.Automation == "" || !own && known.has(owner.Automation) {
			continue // made by an orchestration, or compared with its own links
		}
		remembered, found, err := e.Store.Meta(ctx, keyMeta(owner.Automation))
		if err != nil {
			return fmt.Errorf("read which field was the primary key: %w", err)
		}
		endpoint, former, _ := strings.Cut(remembered, " ")
		if !found && own {
			endpoint, former = here, cmp.Or(a.OwnKey, a.Key)
		}
		switch {
		case owner.Kind != a.Settings.Space().Kind() && (own || endpoint == here):
			return otherKind(a, owner, linked[owner])
		case endpoint == here && former != a.Key:
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
