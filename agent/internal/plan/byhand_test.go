package plan

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// byHand plans the link of the key 11 to the account g1.
func (s *scene) byHand(t *testing.T) (HandMade, error) {
	t.Helper()
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	i := slices.IndexFunc(s.records, func(r ident.Record) bool { return r.Key == "11" })
	if i < 0 {
		return b.ByHand("11", nil, "pipedrive does not deliver a record with the key 11", *s.entries["g1"])
	}
	return b.ByHand("11", &s.records[i], "", *s.entries["g1"])
}

// A link by hand is held to the rules of an adoption.
func TestByHandRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene, *ident.Entry)
		says   string // "" lets it pass
	}{
		"an account in order":    {func(*scene, *ident.Entry) {}, ""},
		"its own anchor already": {func(_ *scene, e *ident.Entry) { e.Attributes["employeenumber"] = []string{"pipedrive:11"} }, ""},
		"a group": {
			func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"group"} },
			"is no user account; next: name a user account",
		},
		"a contact": {func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"contact"} }, "is no user account"},
		"a computer": {
			func(_ *scene, e *ident.Entry) { e.Attributes["objectclass"] = []string{"user", "computer"} },
			"is no user account",
		},
		"a disabled account": {
			func(_ *scene, e *ident.Entry) { e.Attributes["useraccountcontrol"] = []string{"514"} },
			"is disabled; next: enable it first",
		},
		"state unknown": {func(_ *scene, e *ident.Entry) { delete(e.Attributes, "useraccountcontrol") }, "cannot be read"},
		"out of scope":  {func(_ *scene, e *ident.Entry) { e.DN = outside.Child("Old Ada") }, "is outside the scope of [directory]"},
		"protected": {
			func(s *scene, _ *ident.Entry) { s.protected["g1"] = "adminCount is 1" },
			"is protected: adminCount is 1; next: allow the account in [directory]",
		},
		"somebody else's anchor": {
			func(_ *scene, e *ident.Entry) { e.Attributes["employeenumber"] = []string{"4711"} },
			"is already 4711; next: clear employeeNumber there",
		},
		"the account is linked": {
			func(s *scene, _ *ident.Entry) { s.links["12"] = &ident.Link{Key: "12", GUID: "g1"} },
			"is linked to the key 12; next: if both are one person: rollcall link remove pipedrive 12",
		},
		"the key is linked": {
			func(s *scene, _ *ident.Entry) { s.linked("11") },
			"the key 11 is linked to CN=Ada 11,OU=Staff,DC=x already; next: rollcall link remove pipedrive 11",
		},
		"the key's account is gone": {
			func(s *scene, _ *ident.Entry) { s.links["11"] = &ident.Link{Key: "11", GUID: "g-gone"} },
			"the key 11 is linked to g-gone already",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.record("11", nil)
			c.change(s, s.account("g1", staff.Child("Old Ada")))
			made, err := s.byHand(t)
			var refused *RefusedError
			switch {
			case c.says == "" && (err != nil || made.Change.Operations[0].Class != ident.ClassAdopt || !made.Seen):
				t.Errorf("refused, or not an adoption: %+v, %v", made, err)
			case c.says != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// What speaks against the record is told, and makes the link one whose key was
// never seen.
func TestByHandLooksAtTheRecord(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		says   string
	}{
		"in scope":           {func(*scene) {}, ""},
		"not delivered":      {func(s *scene) { s.records = nil }, "pipedrive does not deliver a record with the key 11"},
		"out of scope":       {func(s *scene) { s.records[0].Fields["active"] = false }, "the record of the key 11 is not what where asks for"},
		"where is undecided": {func(s *scene) { delete(s.records[0].Fields, "active") }, "goes into quarantine: where: user.active is absent"},
		"cannot be derived": {
			func(s *scene) { s.records[0].Fields["underivable"] = true },
			"goes into quarantine: mail: user.email is not an address",
		},
		"cannot be mapped": {
			func(s *scene) { s.records[0].Fields["title"] = "unmappable" },
			"goes into quarantine: mail: user.email is not an address",
		},
		"no value for match": {func(s *scene) { delete(s.records[0].Fields, "mail") }, ""}, // what links by hand are for
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.record("11", nil)
			s.account("g1", staff.Child("Old Ada"))
			c.change(s)
			made, err := s.byHand(t)
			if err != nil {
				t.Fatal(err)
			}
			if made.Seen != (c.says == "") || !strings.Contains(strings.Join(made.Objections, "; "), c.says) {
				t.Errorf("seen %t, objections %q, want %q", made.Seen, made.Objections, c.says)
			}
		})
	}
	s := newScene()
	s.record("11", map[string]any{"displayName": "Ada Novak", "mail": "ada@x", "name": "A. N."})
	s.account("g1", staff.Child("Old Ada"))
	if made, err := s.byHand(t); err != nil || made.Name != "Ada Novak" || made.Mail != "ada@x" {
		t.Errorf("the record is of %q, %q, %v", made.Name, made.Mail, err)
	}
}

func TestSameHuman(t *testing.T) {
	w := newWorld()
	e := *w.account("g1", staff.Child("NOVAK Ada"), "displayName", "Ada Novák", "mail", "ada@x", "proxyAddresses", "smtp:a.novak@x",
		"proxyAddresses", "X500:/o=x")
	for _, c := range []struct {
		name, mail         string
		sameName, sameMail bool
	}{
		{"ada novak", "", true, false},
		{"Novak ADA", "b@x", true, false},
		{"Bo", "ADA@x", false, true},
		{"Bo", "A.Novak@x", false, true},
		{"Bo", "/o=x", false, false},
		{"", "", false, false},
	} {
		if name, mail := SameHuman(c.name, c.mail, e); name != c.sameName || mail != c.sameMail {
			t.Errorf("%q %q: name %t, mail %t", c.name, c.mail, name, mail)
		}
	}
}

// Nobody is missing by a key that no complete delivery has had.
func TestUnseenKeyIsNeverMissing(t *testing.T) {
	const left = "99 account | CN=Ada 99,OU=Staff,DC=x is linked to the key 99, which pipedrive has never delivered in scope since: the " +
		"account is left alone | if the key is wrong: rollcall link remove pipedrive 99"
	unseen := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.known("11", nil)
			_, l := s.linked("99")
			l.Unseen = true
			change(s)
		}
	}
	runCases(t, []planCase{
		{"not delivered: left alone, and said", unseen(func(*scene) {}), []string{left}},
		{"missing.action keep: said too", unseen(func(s *scene) { s.set.Missing = Missing{} }), []string{left}},
		{"out of scope: left alone", unseen(func(s *scene) { s.record("99", map[string]any{"active": false}) }), []string{left}},
		{"reported as deleted: left alone", unseen(func(s *scene) { s.before = func(b *Builder) { b.Deleted("99") } }), []string{left}},
		{"in mode changes: left alone", unseen(func(s *scene) {
			s.delivery.ChangesOnly = true
			s.before = func(b *Builder) { b.Deleted("99") }
		}), []string{left, "nobody missing | an endpoint delivers changes only, not everybody"}},
		{"once seen: missing like everybody", unseen(func(s *scene) { s.links["99"].Unseen = false }), []string{
			"99 apply disable CN=Ada 99,OU=Staff,DC=x -> CN=Ada 99,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 99",
		}},
	})
}

func TestASeenKeyIsRemembered(t *testing.T) {
	sight := func(change func(*scene)) []LinkUpdate {
		s := newScene()
		_, l := s.known("11", nil)
		l.Unseen = true
		change(s)
		s.plan(t)
		return s.updates
	}
	for name, c := range map[string]struct {
		change func(*scene)
		seen   bool
	}{
		"delivered, in scope":                 {func(*scene) {}, true},
		"delivered by an endpoint of changes": {func(s *scene) { s.delivery.ChangesOnly = true }, true},
		"with something to change":            {func(s *scene) { s.records[0].Fields["mail"] = "new@x" }, true},
		"out of scope":                        {func(s *scene) { s.records[0].Fields["active"] = false }, false},
		"in quarantine":                       {func(s *scene) { s.records[0].Fields["mail"] = "unmappable" }, false},
		"the delivery is not complete":        {func(s *scene) { s.delivery.Complete = false }, false},
		"seen before":                         {func(s *scene) { s.links["11"].Unseen = false }, false},
	} {
		updates := sight(c.change)
		if seen := len(updates) == 1 && reflect.DeepEqual(updates[0], LinkUpdate{Key: "11", Seen: true}); seen != c.seen || !seen && len(updates) > 0 {
			t.Errorf("%s: %+v", name, updates)
		}
	}
}
