package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// A user and a person of one application have the same key. Nothing that is done
// about one touches the other.
func TestKindsAreApart(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	users, persons := ident.Users("crm"), ident.SpaceOf("crm", "person")
	user, person, spare := link("7", "guid-1"), link("7", "guid-2"), link("8", "guid-1") // guid-1 is a user and a person
	person.Kind, person.Automation = "person", "contacts"
	spare.Kind, spare.Automation = "person", "contacts"
	for _, l := range []ident.Link{user, person, spare} {
		must(t, s.PutLink(ctx, l, "ada"))
	}

	of := func(space ident.Space, key ident.Key) ident.GUID {
		t.Helper()
		l, _, err := s.LinkByKey(ctx, space, key)
		must(t, err)
		return l.GUID
	}
	if of(users, "7") != "guid-1" || of(persons, "7") != "guid-2" || of(users, "8") != "" {
		t.Error("links by key are mixed up")
	}
	if l, _, err := s.LinkByGUID(ctx, persons, "guid-1"); err != nil || l.Key != "8" {
		t.Errorf("link by object: %+v, %v", l, err)
	}
	if all := must1[[]ident.Link](t)(s.LinksOf(ctx, "guid-1")); len(all) != 2 || all[0].Space() != persons || all[1].Space() != users {
		t.Errorf("links of an object: %+v", all)
	}
	owners := must1[map[LinkOwner]int](t)(s.LinkOwners(ctx, "crm"))
	if owners[LinkOwner{"staff", "user"}] != 1 || owners[LinkOwner{"contacts", "person"}] != 2 {
		t.Errorf("owners: %v", owners)
	}

	must(t, s.MarkDelivered(ctx, lease, persons, []ident.Key{"7"}, nil))
	if l, _, _ := s.LinkByKey(ctx, users, "7"); l.Delivered {
		t.Error("the delivery of a person marks the user")
	}
	if done, err := s.RespellLink(ctx, persons, "8", "7.0", "rollcall"); err != nil || !done || of(persons, "7.0") != "guid-1" || of(users, "7") != "guid-1" {
		t.Errorf("respelled: %v, %v", done, err)
	}

	held := commit(outcome(run, "7", ident.ClassDisable, ident.ResultHeld))
	must(t, s.Commit(ctx, lease, held))
	held.Kind, held.Automation = "person", "contacts"
	must(t, s.Commit(ctx, lease, held))
	gone, err := s.DeleteLink(ctx, lease, persons, "7", "ada")
	if err != nil || gone.GUID != "guid-2" || len(gone.Dropped) != 1 || gone.Dropped[0].Kind != "person" {
		t.Errorf("removed %+v, %v", gone, err)
	}
	if of(users, "7") != "guid-1" || len(must1[[]Held](t)(s.HeldOutcomes(ctx, "staff"))) != 1 {
		t.Error("the removal of a person's link removed the user's")
	}
}

// A write about a record is alone within the kind only, and a link that is taken
// names the kind.
func TestIntentsOfKindsAreApart(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	in := Intent{Run: run, Automation: "staff", Application: "crm", Key: "7", Operation: outcome(run, "7", ident.ClassCreate, "").Operation, Link: &ident.Link{}}
	must1[int64](t)(s.OpenIntent(ctx, lease, in))
	var underWay *UnderWayError
	if _, err := s.OpenIntent(ctx, lease, in); !errors.As(err, &underWay) {
		t.Errorf("a second write about the user: %v", err)
	}
	in.Kind = "person"
	must1[int64](t)(s.OpenIntent(ctx, lease, in))
	list := must1[[]Intent](t)(s.Intents(ctx))
	if len(list) != 2 || list[0].Space() != ident.Users("crm") || list[1].Space() != ident.SpaceOf("crm", "person") {
		t.Errorf("%+v", list)
	}

	person := link("9", "guid-1")
	person.Kind = "person"
	must(t, s.PutLink(ctx, person, "ada"))
	person.GUID = "guid-2"
	err := s.PutLink(ctx, person, "ada")
	if err == nil || !strings.Contains(err.Error(), "crm/person:9 is linked to guid-1 already") {
		t.Errorf("a taken key: %v", err)
	}
}
