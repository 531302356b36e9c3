package event

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// places is a table of who is where before and after.
type places struct{ before, after map[string]ident.GUID }

func (p places) Before(dn ident.DN) (ident.GUID, error) { return p.before[dn.Fold()], nil }
func (p places) After(dn ident.DN) (ident.GUID, error)  { return p.after[dn.Fold()], nil }

// object builds an entry from a DN and name=value pairs.
func object(dn ident.DN, pairs ...string) ident.Entry {
	e := ident.Entry{GUID: "g", DN: dn, Attributes: ident.Attributes{}}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		e.Attributes.Set(name, append(e.Attributes.Values(name), value)...)
	}
	return e
}

// compare takes all attributes for reported.
func compare(before, after ident.Entry, rules Rules) ([]ident.EventPart, error) {
	names := maps.Clone(before.Attributes)
	maps.Copy(names, after.Attributes)
	return Compare(before, after, slices.Collect(maps.Keys(names)), rules)
}

// inWords lists parts as "kind" or "modified name: old > new".
func inWords(parts []ident.EventPart) string {
	var list []string
	for _, p := range parts {
		word := string(p.Kind)
		if p.Kind == ident.EventModified {
			word += " " + p.Attribute + ": " + strings.Join(p.Old, "|") + " > " + strings.Join(p.New, "|")
		}
		list = append(list, word)
	}
	return strings.Join(list, "; ")
}

func TestCompare(t *testing.T) {
	const ada = ident.DN("CN=Ada,OU=Staff,DC=c")
	who := places{
		before: map[string]ident.GUID{"cn=boss,dc=c": "boss", "cn=other,dc=c": "other", "cn=a,dc=c": "a"},
		after:  map[string]ident.GUID{"cn=big boss,dc=c": "boss", "cn=other,dc=c": "other", "cn=boss,dc=c": "new"},
	}
	for _, c := range []struct {
		name          string
		before, after ident.Entry
		named         string
		want          string
	}{
		{"nothing", object(ada, "title=x"), object(ada, "title=x"), "", ""},
		{"a value", object(ada, "title=x"), object(ada, "title=y"), "", "modified title: x > y"},
		{"its case", object(ada, "title=boss"), object(ada, "title=Boss"), "", "modified title: boss > Boss"},
		{"a first value", object(ada), object(ada, "title=x"), "", "modified title:  > x"},
		{"no value", object(ada, "title=x"), object(ada), "", "modified title: x > "},
		{"another order", object(ada, "p=x", "p=y"), object(ada, "p=y", "p=x"), "", ""},
		{"one more", object(ada, "p=x"), object(ada, "p=y", "p=x"), "", "modified p: x > y|x"},
		{"a twin", object(ada, "p=x", "p=y"), object(ada, "p=x", "p=x"), "", "modified p: x|y > x|x"},
		{"sorted", object(ada, "sn=x", "mail=x"), object(ada, "title=x"), "", "modified mail: x > ; modified sn: x > ; modified title:  > x"},
		{"disabled", object(ada, "userAccountControl=512"), object(ada, "userAccountControl=514"), "", "disabled"},
		{"disabled and asked for", object(ada, "userAccountControl=512"), object(ada, "userAccountControl=514"), "useraccountcontrol", "disabled; modified useraccountcontrol: 512 > 514"},
		{"enabled", object(ada, "userAccountControl=66050"), object(ada, "userAccountControl=66048"), "", "enabled"},
		{"another bit", object(ada, "userAccountControl=512"), object(ada, "userAccountControl=66048"), "", ""},
		{"another bit, asked for", object(ada, "userAccountControl=512"), object(ada, "userAccountControl=66048"), "useraccountcontrol", "modified useraccountcontrol: 512 > 66048"},
		{"readable at last", object(ada), object(ada, "userAccountControl=514"), "", ""},
		{"a logon", object(ada, "lastLogonTimestamp=1"), object(ada, "lastLogonTimestamp=2"), "", ""},
		{"a logon, asked for", object(ada, "lastLogonTimestamp=1"), object(ada, "lastLogonTimestamp=2"), "lastlogontimestamp", "modified lastlogontimestamp: 1 > 2"},
		{"moved", object(ada), object("CN=Ada,OU=Other,DC=c"), "", "moved"},
		{"another spelling of the place", object(ada), object("CN=Ada,ou=staff, dc=c"), "", ""},
		{"renamed", object(ada, "cn=Ada", "name=Ada"), object("CN=Ada B,OU=Staff,DC=c", "cn=Ada B", "name=Ada B"), "cn", "renamed"},
		{"renamed by case", object(ada, "cn=Ada"), object("CN=ADA,OU=Staff,DC=c", "cn=ADA"), "", "renamed"},
		{"moved, renamed, disabled, changed", object(ada, "title=x", "userAccountControl=512"), object("CN=A,DC=c", "title=y", "userAccountControl=514"), "", "disabled; moved; renamed; modified title: x > y"},
		{"what the directory keeps", object(ada, "whenChanged=1", "uSNChanged=1", "member=x", "objectClass=user"), object(ada, "whenChanged=2", "uSNChanged=2", "member=y", "objectClass=user", "objectClass=x"), "member", ""},
		{"the manager is renamed", object(ada, "manager=CN=Boss,DC=c"), object(ada, "manager=CN=Big Boss,DC=c"), "", ""},
		{"another one in the manager's place", object(ada, "manager=CN=Boss,DC=c"), object(ada, "manager=CN=Boss,DC=c"), "", "modified manager: CN=Boss,DC=c > CN=Boss,DC=c"},
		{"the manager stays", object(ada, "manager=CN=Other,DC=c"), object(ada, "manager=cn=other,DC=c"), "", ""},
		{"another manager", object(ada, "manager=CN=Boss,DC=c"), object(ada, "manager=CN=Other,DC=c"), "", "modified manager: CN=Boss,DC=c > CN=Other,DC=c"},
		{"the manager is gone", object(ada, "manager=CN=Boss,DC=c"), object(ada), "", "modified manager: CN=Boss,DC=c > "},
		{"one of several is another", object(ada, "x=CN=Boss,DC=c", "x=CN=Other,DC=c"), object(ada, "x=CN=other,DC=c", "x=CN=Boss,DC=c"), "", "modified x: CN=Boss,DC=c|CN=Other,DC=c > CN=other,DC=c|CN=Boss,DC=c"},
		{"unknown ones by their names", object(ada, "x=CN=N,DC=c"), object(ada, "x=cn=n, DC=c"), "", ""},
		{"a DN becomes a text", object(ada, "x=CN=Boss,DC=c"), object(ada, "x=boss"), "", "modified x: CN=Boss,DC=c > boss"},
		{"a text that is no DN", object(ada, "x=a=b"), object(ada, "x=a=c"), "", "modified x: a=b > a=c"},
	} {
		rules := Rules{Named: map[string]bool{c.named: true}, Places: who}
		parts, err := compare(c.before, c.after, rules)
		if got := inWords(parts); got != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestPartsOfPlaces(t *testing.T) {
	parts, err := Compare(object("CN=Ada,OU=a,DC=c", "title=x"), object("CN=Bo,OU=b,DC=c", "title=y"), nil, Rules{})
	want := []ident.EventPart{
		{Kind: ident.EventMoved, Old: []string{"CN=Ada,OU=a,DC=c"}, New: []string{"CN=Bo,OU=b,DC=c"}},
		{Kind: ident.EventRenamed, Old: []string{"CN=Ada,OU=a,DC=c"}, New: []string{"CN=Bo,OU=b,DC=c"}},
	}
	if d := cmp.Diff(want, parts); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
}

type broken struct{ places }

func (broken) Before(ident.DN) (ident.GUID, error) { return "", errors.New("disk") }

func TestCompareFails(t *testing.T) {
	_, err := compare(object("CN=A,DC=c", "m=CN=x,DC=c"), object("CN=A,DC=c", "m=CN=y,DC=c"), Rules{Places: broken{}})
	if err == nil {
		t.Error("an unknown place passes for a difference")
	}
}

func TestKind(t *testing.T) {
	for want, list := range map[ident.ObjectKind][]ident.Attributes{
		ident.ObjectUser: {
			{"objectclass": {"top", "person", "organizationalPerson", "User"}},
			{"objectclass": {"top", "user", "inetOrgPerson"}, "useraccountcontrol": {"514"}},
		},
		ident.ObjectGroup: {{"objectclass": {"top", "group"}}},
		"": {
			{},
			{"objectclass": {"top", "organizationalUnit"}},
			{"objectclass": {"top", "person", "contact"}},
			{"objectclass": {"user", "computer"}},
			{"objectclass": {"user", "computer", "msDS-GroupManagedServiceAccount"}},
			{"objectclass": {"user"}, "useraccountcontrol": {"2080"}}, // a trust
		},
	} {
		for _, a := range list {
			if got, ok := Kind(a); got != want || ok != (want != "") {
				t.Errorf("%v: %q, %v, want %q", a, got, ok, want)
			}
		}
	}
	if n := Name(object("CN=Ada,DC=c", "sAMAccountName=ada")) + " " + Name(object("CN=Ada,DC=c")); n != "ada Ada" {
		t.Errorf("names %q", n)
	}
	if New(true)[0].Kind != ident.EventRestored || New(false)[0].Kind != ident.EventCreated {
		t.Error("what is new is neither restored nor created")
	}
}

// apply is the other direction: what an object looks like after an event.
func apply(before ident.Entry, parts []ident.EventPart) ident.Entry {
	after := ident.Entry{GUID: before.GUID, DN: before.DN, Attributes: maps.Clone(before.Attributes)}
	for _, p := range parts {
		switch p.Kind {
		case ident.EventMoved, ident.EventRenamed:
			after.DN = ident.DN(p.New[0])
		case ident.EventEnabled, ident.EventDisabled:
			after.Attributes.Set("userAccountControl", p.New...)
		case ident.EventModified:
			delete(after.Attributes, p.Attribute)
			if len(p.New) > 0 {
				after.Attributes[p.Attribute] = p.New
			}
		}
	}
	after.Attributes["cn"] = []string{after.DN.Name()}
	return after
}

func drawObject(t *rapid.T, label string) ident.Entry {
	dn := ident.DN("CN=" + rapid.SampledFrom([]string{"a", "b"}).Draw(t, label+" name") + ",OU=" + rapid.SampledFrom([]string{"x", "y"}).Draw(t, label+" unit") + ",DC=c")
	e := object(dn, "cn="+dn.Name(), "userAccountControl="+rapid.SampledFrom([]string{"512", "514"}).Draw(t, label+" flags"))
	for _, name := range []string{"title", "mail", "manager"} {
		values := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1", "CN=x,DC=c", "CN=y,DC=c", "\xff"}), 0, 3, rapid.ID).Draw(t, label+" "+name)
		if len(values) > 0 {
			e.Attributes[name] = values
		}
	}
	return e
}

// alike forgets the order of values.
func alike(e ident.Entry) ident.Entry {
	list := ident.Attributes{}
	for name, values := range e.Attributes {
		list[name] = slices.Sorted(slices.Values(values))
	}
	return ident.Entry{GUID: e.GUID, DN: e.DN, Attributes: list}
}

// An event leads from the image before to the image afterwards, and back.
func TestEventsLeadBothWays(t *testing.T) {
	same := map[string]ident.GUID{"cn=x,dc=c": "x", "cn=y,dc=c": "y"}
	rules := Rules{Places: places{same, same}}
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawObject(t, "before"), drawObject(t, "after")
		parts, err := compare(before, after, rules)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(alike(after), alike(apply(before, parts))); d != "" {
			t.Fatalf("%s leads elsewhere (-want +got)\n%s", inWords(parts), d)
		}
		e := ident.Event{DN: after.DN, From: before.DN, Parts: parts, Image: after.Attributes}
		if d := cmp.Diff(alike(before).Attributes, alike(ident.Entry{Attributes: e.Before()}).Attributes); d != "" {
			t.Fatalf("%s does not lead back (-want +got)\n%s", inWords(parts), d)
		}
		again, err := compare(after, apply(before, parts), rules)
		if err != nil || len(again) > 0 {
			t.Fatalf("%s leaves %s, %v", inWords(parts), inWords(again), err)
		}
		for i := 1; i < len(parts); i++ {
			if slices.Index(ident.EventKinds, parts[i-1].Kind) > slices.Index(ident.EventKinds, parts[i].Kind) {
				t.Fatalf("%s: not in order", inWords(parts))
			}
		}
	})
}

func TestNet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		guids := rapid.SliceOf(rapid.SampledFrom([]ident.GUID{"a", "b", "c", "d"}))
		removed, added := guids.Draw(t, "removed"), guids.Draw(t, "added")
		gone, joined := Net(removed, added)
		for _, guid := range []ident.GUID{"a", "b", "c", "d"} {
			left, came := slices.Contains(removed, guid), slices.Contains(added, guid)
			if slices.Contains(gone, guid) != (left && !came) || slices.Contains(joined, guid) != (came && !left) {
				t.Fatalf("%s: removed %v, added %v, and yet gone %v, joined %v", guid, removed, added, gone, joined)
			}
		}
		slices.Sort(gone)
		slices.Sort(joined)
		if len(gone) != len(slices.Compact(gone)) || len(joined) != len(slices.Compact(joined)) {
			t.Fatalf("twice: %v, %v", gone, joined)
		}
	})
}
