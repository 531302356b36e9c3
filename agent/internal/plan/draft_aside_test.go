package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestOneCauseIsOneCause: what one thing makes for many people has one cause in
// common, whatever each of them is called.
func TestOneCauseIsOneCause(t *testing.T) {
	const gone ident.DN = "OU=Gone,DC=x"
	both := func(do func(s *scene, key ident.Key)) func(*scene) {
		return func(s *scene) { do(s, "11"); do(s, "12") }
	}
	for name, c := range map[string]struct {
		set  func(*scene)
		want string // the cause in common
	}{
		"an OU that does not exist": {both(func(s *scene, key ident.Key) {
			s.set.Scope = append(s.set.Scope, gone)
			s.record(key, map[string]any{"ou": gone})
		}), "the OU OU=Gone,DC=x does not exist"},
		"an account that is to be moved into it": {both(func(s *scene, key ident.Key) {
			s.set.Scope = append(s.set.Scope, gone)
			s.known(key, map[string]any{"ou": gone})
		}), "cannot be moved to OU=Gone,DC=x: it does not exist"},
		"leavers who cannot be moved": {both(func(s *scene, key ident.Key) {
			s.set.Missing.MoveTo = "OU=Gone,DC=y"
			s.linked(key)
			if key == "12" {
				s.record("13", nil)
			}
		}), "missing: pipedrive no longer delivers the key, and the account cannot be moved to OU=Gone,DC=y: it is outside the scope of " +
			"[directory]"},
		"a group that does not exist": {both(func(s *scene, key ident.Key) {
			s.known(key, map[string]any{"groups": []ident.DN{"CN=None,OU=Groups,DC=x"}})
		}), "group CN=None,OU=Groups,DC=x: it does not exist; the account is not added to it"},
		"the scope leaves them out": {both(func(s *scene, key ident.Key) {
			s.known(key, nil)
			s.set.Scope = []ident.DN{leavers}
		}), "the linked account is outside the scope of [directory]"},
		"their accounts cannot be read": {both(func(s *scene, key ident.Key) {
			s.known(key, nil)
			delete(s.entries, ident.GUID("g"+key))
		}), "the linked account is not in the directory: deleted by hand, or not readable"},
		"adopt is never": {both(func(s *scene, key ident.Key) {
			s.set.Adopt = AdoptNever
			s.record(key, nil)
			s.account(ident.GUID("g"+key), staff.Child("Old "+string(key)), "mail", "ada"+string(key)+"@x")
		}), "mail: the account matches, and adopt is never"},
		"a primary key that is none": {func(s *scene) {
			s.before = func(b *Builder) { b.Duplicate("11", 2); b.Duplicate("12", 3) }
		}, "pipedrive delivered the key more than once"},
		"an anchor that is too short": {both(func(s *scene, key ident.Key) {
			upper := int64(5)
			s.set.Schema = ident.Schema{"employeenumber": {Syntax: ident.SyntaxText, Upper: &upper}}
			s.record(key, nil)
		}), "the anchor does not fit into employeeNumber: it is longer than 5 characters"},
		"the mapping": {both(func(s *scene, key ident.Key) { s.record(key, map[string]any{"active": nil}) }), "where: user.active is absent"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			c.set(s)
			p := s.plan(t)
			var got []string
			for _, q := range p.Quarantined {
				got = append(got, cmp.Or(q.Shared, q.Cause))
			}
			if want := []string{c.want, c.want}; !slices.Equal(got, want) {
				t.Errorf("%d causes:\n%s\nwant twice\n%s", len(got), strings.Join(got, "\n"), c.want)
			}
		})
	}
}

// keepers is a mapper whose records want one name, in the order of their keys.
type keepers struct{ *fakeMapper }

func (m keepers) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error) {
	d, err := m.fakeMapper.Map(rec, current, link, names)
	login, _ := rec.Fields["login"].(string)
	if err != nil || login == "" {
		return d, err
	}
	holder, taken, err := names.Holder("sAMAccountName", login, mapping.UniqueDomain, d.Parent, "", rec.Key)
	if err != nil {
		return d, err
	}
	if taken {
		return d, &mapping.Error{
			Attribute: "sAMAccountName", Cause: fmt.Sprintf("%q is in use by %s", login, holder),
			Common: "the value is in use",
		}
	}
	names.Reserve("sAMAccountName", login, mapping.UniqueDomain, d.Parent, rec.Key)
	d.Attributes = append(d.Attributes, ident.DesiredAttribute{Name: "sAMAccountName", Values: []string{login}})
	return d, nil
}

// TestNobodyIsWithheldForSomebodyInQuarantine: what somebody had reserved who is
// set aside afterwards is free, also for those who were refused it before.
func TestNobodyIsWithheldForSomebodyInQuarantine(t *testing.T) {
	s := newScene()
	s.record("11", map[string]any{"login": "ada", "mail": "one@x"})
	s.record("12", map[string]any{"login": "ada"})
	s.record("13", map[string]any{"login": "bob", "mail": "one@x"}) // the address of 11: both are set aside
	s.record("14", map[string]any{"login": "bob"})
	b := NewBuilder(s.set, s.world, keepers{s.mapper}, s.hist)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	var made, aside []string
	for _, c := range p.Changes {
		for _, ch := range c.Operations[0].Attributes {
			if ch.Name == "sAMAccountName" {
				made = append(made, fmt.Sprint(c.Key, " ", ch.New[0]))
			}
		}
	}
	for _, q := range p.Quarantined {
		aside = append(aside, string(q.Key))
	}
	if want := []string{"12 ada", "14 bob"}; !slices.Equal(made, want) || !slices.Equal(aside, []string{"11", "13"}) {
		t.Errorf("made %q, aside %q: %+v", made, aside, p.Quarantined)
	}
}

// TestTheRootIsNamed: who has the name waits themselves, and keeps it.
func TestTheRootIsNamed(t *testing.T) {
	s := newScene()
	s.record("11", map[string]any{"login": "ada"})
	s.record("12", map[string]any{"login": "ada"})
	s.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
		if key != "11" || part != ident.RefusedOperation(ident.ClassCreate) {
			return ident.Refusal{}, false
		}
		b := NewBuilder(s.set, s.world, keepers{s.mapper}, History{})
		if err := b.Add(s.records[0]); err != nil {
			t.Fatal(err)
		}
		return ident.Refusal{
			Key: key, Part: part, Digest: b.draft.changes[key].linkingDigest(), Cause: "create failed: the agent's account lacks the right",
			Again: noon.AddDate(0, 0, 1),
		}, true
	}
	b := NewBuilder(s.set, s.world, keepers{s.mapper}, s.hist)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	const want = `sAMAccountName: "ada" is in use by the key 11 of this run; the key 11 is in quarantine itself`
	if len(p.Quarantined) != 2 || p.Quarantined[1].Cause != want ||
		!strings.HasPrefix(p.Quarantined[1].Next, "see what is said about the key 11; or ") {
		t.Errorf("%+v", p.Quarantined)
	}
}
