package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// archive is a world in which some names belong to what is not mirrored.
type archive struct {
	*world
	has   []Name
	asked [][]Name
	// unreachable is why nothing is known of the forest.
	unreachable *mapping.UnknownHolder
}

const deletedAda = "a deleted account, which can be restored: Ada"

func (a *archive) HoldersElsewhere(names []Name) ([]Elsewhere, error) {
	a.asked = append(a.asked, names)
	out := make([]Elsewhere, len(names))
	for i, n := range names {
		if a.unreachable != nil && n.Forest {
			out[i].Unknown = a.unreachable
		}
		if slices.ContainsFunc(a.has, func(h Name) bool { return h.Attribute == n.Attribute && text.SameName(h.Value, n.Value) }) {
			out[i] = Elsewhere{Holder: deletedAda}
		}
	}
	return out, a.fails("HoldersElsewhere")
}

func TestHolderElsewhere(t *testing.T) {
	w := &archive{world: newWorld(), has: []Name{
		{Attribute: "sAMAccountName", Value: "ada"}, {Attribute: "mail", Value: "ada@x"}, {Attribute: "userPrincipalName", Value: "own@x"}, {Attribute: "cn", Value: "Ada"}, {Attribute: "title", Value: "CTO"},
	}}
	w.account("g1", staff.Child("Ada Novak"), "mail", "own@x", "sAMAccountName", "ADA")
	for _, c := range []struct {
		name, attribute, value string
		unique                 mapping.Unique
		self                   ident.GUID
		taken                  bool
	}{
		{"a sAMAccountName", "sAMAccountName", "Ada", "domain", "", true},
		{"a free one", "sAMAccountName", "ada2", "domain", "", false},
		{"mail", "mail", "ADA@x", "forest", "", true},
		{"a login name that is a mail", "userPrincipalName", "ada@x", "forest", "", true},
		{"an alias that is a mail", "proxyAddresses", "smtp:ada@x", "forest", "", true},
		{"a login name that is only a mail, unique in the domain", "userPrincipalName", "ada@x", "domain", "", false},
		{"a login name that a sAMAccountName stands for", "userPrincipalName", "ada@d.x", "forest", "", true},
		{"a sAMAccountName that the account has itself", "sAMAccountName", "ada", "domain", "g1", false},
		{"an address that the account has itself, as its mail", "userPrincipalName", "own@x", "forest", "g1", false},
		{"an address that is new for an account", "mail", "ada@x", "forest", "g1", true},
		{"a name in its container", "cn", "Ada", "container", "", false},
		{"another attribute", "title", "cto", "domain", "", true},
		{"another attribute in its container", "title", "cto", "container", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNames(w)
			n.domain = "d.x"
			if c.self == "" {
				n.view = newWorld()
			}
			holder, taken, err := n.Holder(c.attribute, c.value, c.unique, staff, c.self, "11")
			if taken != c.taken || err != nil || taken && holder != deletedAda {
				t.Errorf("Holder = %q, %t, %v", holder, taken, err)
			}
		})
	}
}

// All new names of the records that come are asked for at once, and none of people
// who have their account.
func TestNamesElsewhereAreAskedForTogether(t *testing.T) {
	s := newScene()
	s.mapper.rules["sAMAccountName"] = attributeRule{unique: mapping.UniqueDomain}
	w := &archive{world: s.world, has: []Name{{Attribute: "sAMAccountName", Value: "a15"}}}
	b := NewBuilder(s.set, w, s.mapper, s.hist)
	e, _ := s.known("10", map[string]any{"sAMAccountName": "a10"})
	e.Attributes["samaccountname"] = []string{"a10"}
	for i := range 49 {
		key := ident.Key(fmt.Sprint(11 + i))
		s.record(key, map[string]any{"sAMAccountName": "a" + string(key)})
	}
	b.Upcoming(s.records)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(Delivery{Complete: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.asked) != 1 || slices.ContainsFunc(w.asked[0], func(n Name) bool { return text.SameName(n.Value, "a10") }) {
		t.Errorf("asked %d times: %v", len(w.asked), w.asked)
	}
	if len(p.Quarantined) != 1 || p.Quarantined[0].Key != "15" || !strings.Contains(p.Quarantined[0].Cause, "a15 belongs to "+deletedAda) {
		t.Errorf("in quarantine: %+v", p.Quarantined)
	}
}

// A plan that creates nobody asks for nothing, and one that cannot ask ends.
func TestNamesElsewhereAreAskedForOnlyWhenNew(t *testing.T) {
	s := newScene()
	s.mapper.rules["sAMAccountName"] = attributeRule{unique: mapping.UniqueDomain}
	e, _ := s.known("10", map[string]any{"sAMAccountName": "a10"})
	e.Attributes["samaccountname"] = []string{"a10"}
	w := &archive{world: s.world}
	build := func(key ident.Key) error {
		b := NewBuilder(s.set, w, s.mapper, s.hist)
		rec := ident.Record{Key: key, Fields: map[string]any{
			"active": true, "cn": "Ada " + string(key), "mail": "ada" + string(key) + "@x", "sAMAccountName": "a" + string(key),
		}}
		b.Upcoming([]ident.Record{rec})
		return b.Add(rec)
	}
	if err := build("10"); err != nil || len(w.asked) != 0 {
		t.Errorf("%v; asked %v", err, w.asked)
	}
	s.broken = "HoldersElsewhere"
	if err := build("11"); !errors.Is(err, errBroken) {
		t.Errorf("the directory does not answer: %v", err)
	}
}

// A saved plan is not carried out with a name whose account was deleted since.
func TestTakenByADeletedAccount(t *testing.T) {
	w := &archive{world: newWorld(), has: []Name{{Attribute: "sAMAccountName", Value: "ada"}}}
	w.account("g1", staff.Child("Ada"), "sAMAccountName", "ada")
	change := func(key ident.Key, guid ident.GUID, old, new []string) Earlier {
		return Earlier{Key: key, GUID: guid, Operation: ident.Operation{
			To: staff.Child("N" + string(key)), Attributes: []ident.AttributeChange{{Name: "sAMAccountName", Old: old, New: new}},
		}}
	}
	delete(w.entries, "g1")
	got, err := Taken(w, map[string]mapping.Unique{"samaccountname": mapping.UniqueDomain}, []Earlier{
		change("1", "", nil, []string{"ada"}), change("2", "", nil, []string{"bob"}), change("3", "", nil, []string{"cleo"}),
	})
	want := []string{`sAMAccountName "ada" has been taken since by ` + deletedAda, "", ""}
	if err != nil || !slices.Equal(got, want) || len(w.asked) != 1 {
		t.Errorf("%q, %v, asked %d times", got, err, len(w.asked))
	}
}

// While the forest cannot be asked, who asks for a name in it is set aside, and the
// plan goes on; a name that is surely taken is taken.
func TestNamesOfAForestThatDoesNotAnswer(t *testing.T) {
	asleep := &mapping.UnknownHolder{Cause: "the catalog sleeps", Next: "wake it"}
	w := &archive{world: newWorld(), unreachable: asleep, has: []Name{{Attribute: "mail", Value: "ada@x"}}}
	n := newNames(w)
	var unknown *mapping.UnknownHolder
	if _, taken, err := n.Holder("mail", "bob@x", mapping.UniqueForest, staff, "", "11"); taken || !errors.As(err, &unknown) || n.err != nil {
		t.Errorf("a name in the forest: %t, %v, %v", taken, err, n.err)
	}
	if holder, taken, err := n.Holder("mail", "ada@x", mapping.UniqueForest, staff, "", "11"); !taken || holder != deletedAda || err != nil {
		t.Errorf("one that a deleted account has: %q, %v", holder, err)
	}
	if _, taken, err := n.Holder("mail", "bob@x", mapping.UniqueDomain, staff, "", "11"); taken || err != nil {
		t.Errorf("a name in the domain: %t, %v", taken, err)
	}
	got, err := Taken(w, map[string]mapping.Unique{"mail": mapping.UniqueForest}, []Earlier{{Key: "1", Operation: ident.Operation{
		To: staff.Child("N"), Attributes: []ident.AttributeChange{{Name: "mail", New: []string{"bob@x"}}},
	}}})
	if want := `it is not known whether anybody has mail "bob@x": the catalog sleeps; next: wake it`; err != nil || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
}
