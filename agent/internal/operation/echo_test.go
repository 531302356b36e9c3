package operation

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func set(name string, old, now []string) ident.AttributeChange {
	return ident.AttributeChange{Name: name, Old: old, New: now}
}

// TestEchoes is a table of what the feed of changes shows of each class.
func TestEchoes(t *testing.T) {
	ada := staff.Child("Ada")
	named := []ident.AttributeChange{set("cn", []string{"Ada"}, []string{"Ada 2"})}
	title := EchoOfValues("title", []string{"Lead"})
	enabled, disabled := Echo{EchoState, Digest([]string{"enabled"})}, Echo{EchoState, Digest([]string{"disabled"})}
	at := func(parent ident.DN) Echo { return Echo{EchoPlace, Digest([]string{parent.Fold()})} }
	called := func(name string) Echo { return Echo{EchoName, Digest([]string{name})} }
	for name, tc := range map[string]struct {
		op   ident.Operation
		want []Echo
	}{
		"create": {
			ident.Operation{Class: ident.ClassCreate, To: ada, Attributes: []ident.AttributeChange{set("title", nil, []string{"Lead"})}},
			[]Echo{{EchoLife, Digest([]string{"created"})}, enabled, at(staff), called("Ada"), title},
		},
		"adopt": {
			ident.Operation{Class: ident.ClassAdopt, To: ada, Attributes: []ident.AttributeChange{set("employeeNumber", nil, []string{"crm:1"})}},
			[]Echo{EchoOfValues("employeenumber", []string{"crm:1"})},
		},
		"link":     {ident.Operation{Class: ident.ClassLink, To: ada}, nil},
		"handover": {ident.Operation{Class: ident.ClassLink, To: ada, FormerKey: "1", Attributes: []ident.AttributeChange{set("employeeNumber", []string{"crm:1"}, []string{"crm:2"})}}, []Echo{EchoOfValues("employeeNumber", []string{"crm:2"})}},
		"update":   {ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{set("Title", nil, []string{"Lead"})}}, []Echo{title}},
		"clear":    {ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{set("title", []string{"x"}, nil)}}, []Echo{EchoOfValues("title", nil)}},
		"rename":   {ident.Operation{Class: ident.ClassRename, From: ada, To: staff.Child("Ada 2"), Attributes: named}, []Echo{called("Ada 2")}},
		"case":     {ident.Operation{Class: ident.ClassRename, From: ada, To: staff.Child("ADA")}, []Echo{called("ADA")}},
		"move":     {ident.Operation{Class: ident.ClassMove, From: ada, To: support.Child("Ada")}, []Echo{at(support)}},
		"move and rename": {
			ident.Operation{Class: ident.ClassMove, From: ada, To: support.Child("Ada 2"), Attributes: named}, []Echo{at(support), called("Ada 2")},
		},
		"enable":           {ident.Operation{Class: ident.ClassEnable}, []Echo{enabled}},
		"disable":          {ident.Operation{Class: ident.ClassDisable}, []Echo{disabled}},
		"disable and move": {ident.Operation{Class: ident.ClassDisable, From: ada, To: leavers.Child("Ada")}, []Echo{disabled, at(leavers)}},
		"join":             {ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{crm}}, []Echo{{EchoOfMember("cn=crm, ou=groups,dc=x"), Digest([]string{"member_added"})}}},
		"leave":            {ident.Operation{Class: ident.ClassGroups, Left: []ident.DN{crm}}, []Echo{{EchoOfMember(crm), Digest([]string{"member_removed"})}}},
		"delete":           {ident.Operation{Class: ident.ClassDelete}, []Echo{{EchoLife, Digest([]string{"deleted"})}}},
	} {
		if d := cmp.Diff(tc.want, Echoes(tc.op)); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
	var classes []ident.Class
	for _, class := range ident.Classes {
		op := ident.Operation{Class: class, To: ada, Groups: []ident.DN{crm}, Attributes: []ident.AttributeChange{set("title", nil, []string{"Lead"})}}
		if len(Echoes(op)) == 0 {
			classes = append(classes, class)
		}
	}
	if slices.Contains(classes, ident.ClassCreate) || len(classes) > 2 { // a rename and a move say from where
		t.Errorf("nothing comes of %v", classes)
	}
}

// TestEchoesOfAdded: added values come to those that are there, and a value that
// differs in case only is there already.
func TestEchoesOfAdded(t *testing.T) {
	ch := ident.AttributeChange{Name: "proxyAddresses", Old: []string{"SMTP:b@x"}, New: []string{"smtp:a@x", "smtp:B@x"}, Add: true}
	got := Echoes(ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{ch}})
	if want := []Echo{EchoOfValues("proxyaddresses", []string{"smtp:a@x", "SMTP:b@x"})}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	ch = ident.AttributeChange{Name: "photo", Old: []string{"A"}, New: []string{"a"}, Add: true, Binary: true}
	got = Echoes(ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{ch}})
	if want := []Echo{EchoOfValues("photo", []string{"A", "a"})}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEchoOfValues(t *testing.T) {
	for _, same := range [][2][]string{
		{{"a", "b"}, {"b", "a"}}, {{"CN=Bo,OU=Staff,DC=x"}, {"cn=bo, ou=staff,dc=X"}}, {nil, {}},
	} {
		if EchoOfValues("manager", same[0]) != EchoOfValues("Manager", same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	for _, other := range [][2][]string{{{"a"}, {"A"}}, {{"a"}, nil}, {{"a"}, {"a", "b"}}} {
		if EchoOfValues("title", other[0]) == EchoOfValues("title", other[1]) {
			t.Errorf("%q and %q are the same", other[0], other[1])
		}
	}
	if EchoOfValues("title", nil) == EchoOfValues("company", nil) {
		t.Error("two attributes are the same")
	}
	if EchoOfValues("accountExpires", []string{"0"}) != EchoOfValues("accountExpires", nil) {
		t.Error("two ways to say never differ")
	}
}

// TestEchoOf: each part of an event has the form of what was predicted.
func TestEchoOf(t *testing.T) {
	was, is := staff.Child("Ada"), support.Child("Ada 2")
	e := &ident.Event{DN: is, From: was, Group: &ident.EventGroup{DN: crm}}
	for kind, op := range map[ident.EventKind]ident.Operation{
		ident.EventCreated:       {Class: ident.ClassCreate, To: is},
		ident.EventDeleted:       {Class: ident.ClassDelete},
		ident.EventEnabled:       {Class: ident.ClassEnable},
		ident.EventDisabled:      {Class: ident.ClassDisable},
		ident.EventMoved:         {Class: ident.ClassMove, From: was, To: is},
		ident.EventRenamed:       {Class: ident.ClassMove, From: was, To: is},
		ident.EventModified:      {Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{set("Title", []string{"a"}, []string{"b"})}},
		ident.EventMemberAdded:   {Class: ident.ClassGroups, Groups: []ident.DN{ident.DN(strings.ToLower(string(crm)))}},
		ident.EventMemberRemoved: {Class: ident.ClassGroups, Left: []ident.DN{crm}},
	} {
		p := ident.EventPart{Kind: kind}
		if kind == ident.EventModified {
			p.Attribute, p.Old, p.New = "title", []string{"a"}, []string{"b"}
		}
		if got := EchoOf(e, p); !slices.Contains(Echoes(op), got) {
			t.Errorf("%s: %v is not among %v", kind, got, Echoes(op))
		}
	}
	for _, class := range ident.Classes {
		op := ident.Operation{Class: class, From: was, To: is, Groups: []ident.DN{crm}}
		if slices.Contains(Echoes(op), EchoOf(e, ident.EventPart{Kind: ident.EventRestored})) {
			t.Errorf("%s is taken for a restore", class)
		}
	}
}

func TestShows(t *testing.T) {
	e := &ident.Event{DN: staff.Child("Ada"), Image: ident.Attributes{"title": {"Lead"}, "useraccountcontrol": {"512"}}}
	for _, class := range []ident.Class{ident.ClassCreate} {
		op := ident.Operation{Class: class, To: e.DN, Attributes: []ident.AttributeChange{set("title", nil, []string{"Lead"}), set("mail", nil, []string{"not mirrored"})}}
		for _, echo := range Echoes(op) {
			if !Shows(e, echo) {
				t.Errorf("%s is not seen", echo.Part)
			}
		}
	}
	for _, echo := range []Echo{
		EchoOfValues("title", []string{"Other"}), echoOfPlace(support.Child("Ada")), echoOfName(staff.Child("Bo")), echoOfKind(ident.EventDisabled),
	} {
		if Shows(e, echo) {
			t.Errorf("another %s is seen", echo.Part)
		}
	}
}
