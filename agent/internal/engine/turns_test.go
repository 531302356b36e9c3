package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// watcher looks after each operation whether a value is on two objects.
type watcher struct {
	silent
	look func()
}

func (w watcher) Change(string, string, string) { w.look() }

// swapScene is an automation that keeps every name and address as the source
// has it.
func swapScene(t *testing.T, name string, f *feed, more ...mapping.AttributeDef) *scene {
	s := onDC(t, map[string]*feed{name: f})
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src(string(s.ou)),
		Attributes: append(more, []mapping.AttributeDef{
			{Name: "cn", Value: src("{{ user.name }}"), Unique: mapping.UniqueContainer},
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "sAMAccountName", Value: src("{{ user.login }}"), Unique: mapping.UniqueDomain},
			{Name: "userPrincipalName", Value: src("{{ user.login }}@swap.test"), Unique: mapping.UniqueForest},
			{Name: "mail", Value: src("{{ user.mail }}"), Unique: mapping.UniqueForest},
		}...),
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	s.change(name, func(p *plan.Settings) { p.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Unlimited: true}} })
	a := s.Automations[name]
	a.Mapper = m
	s.Automations[name] = a
	s.Observer = watcher{look: func() {
		for _, attribute := range []string{"cn", "sAMAccountName", "userPrincipalName", "mail"} {
			seen := map[string]ident.DN{}
			for _, e := range s.dc.Find(t, "(employeeNumber="+name+":*)", attribute) {
				v := strings.ToLower(e.Attributes.First(attribute))
				if other, twice := seen[v]; twice && v != "" {
					t.Errorf("%s %q is on %s and on %s", attribute, v, other, e.DN)
				}
				seen[v] = e.DN
			}
		}
	}}
	return s
}

func swapper(name string, key, who int) ident.Record {
	return person(ident.Key(fmt.Sprint(key)), fmt.Sprintf("%s Person %d", name, who),
		"login", fmt.Sprintf("%s%d", name, who), "mail", fmt.Sprintf("%s%d@swap.test", name, who))
}

// Names, logins and addresses that go round among three people arrive within
// one run, without a moment in which two have one.
func TestARingOfThree(t *testing.T) {
	const name = "ring"
	f := &feed{}
	for key := range 3 {
		f.records = append(f.records, swapper(name, key, key))
	}
	s := swapScene(t, name, f)
	s.run(name)
	for key := range 3 {
		f.records[key] = swapper(name, key, (key+1)%3)
	}
	r := s.run(name)
	for _, o := range r.Outcomes {
		if o.Result != ident.ResultApplied {
			t.Errorf("%s of %s: %s, %s", o.Operation.Class, o.Name, o.Result, o.Cause)
		}
	}
	for key := range 3 {
		e := s.account(fmt.Sprintf("%s:%d", name, key), "cn", "sAMAccountName", "mail", "userPrincipalName")
		who := fmt.Sprintf("%s%d", name, (key+1)%3)
		got := []string{e.Attributes.First("cn"), e.Attributes.First("sAMAccountName"), e.Attributes.First("mail"), e.Attributes.First("userPrincipalName")}
		want := []string{fmt.Sprintf("%s Person %d", name, (key+1)%3), who, who + "@swap.test", who + "@swap.test"}
		if !slices.Equal(got, want) {
			t.Errorf("key %d has %v, want %v", key, got, want)
		}
	}
	if r := s.run(name); len(r.Outcomes) != 0 || len(r.Summary.Quarantined) != 0 {
		t.Errorf("the next run is not quiet: %+v, %+v", r.Outcomes, r.Summary.Quarantined)
	}
}

// When one of a ring cannot be changed, whoever stepped aside has back what
// it had, and the next run goes on.
func TestARingThatBreaks(t *testing.T) {
	const name = "torn"
	f := &feed{records: []ident.Record{swapper(name, 0, 0), swapper(name, 1, 1)}}
	s := swapScene(t, name, f)
	s.run(name)
	f.records[0], f.records[1] = swapper(name, 0, 1), swapper(name, 1, 0)
	var once sync.Once
	s.Observer = watcher{look: func() { // between the first write and the second
		once.Do(func() { s.dc.Replace(t, s.account(name+":1").DN, "mail", "by-hand@swap.test") })
	}}
	r := s.run(name)
	if r.Count(ident.ResultSkipped) < 2 {
		t.Errorf("outcomes: %+v", r.Outcomes)
	}
	e := s.account(name+":0", "sAMAccountName", "mail")
	if e.Attributes.First("mail") != "torn0@swap.test" || e.Attributes.First("sAMAccountName") != "torn0" {
		t.Errorf("who stepped aside has %v", e.Attributes)
	}
	s.run(name)
	for key, want := range []string{"torn1@swap.test", "torn0@swap.test"} {
		if e := s.account(fmt.Sprintf("%s:%d", name, key), "mail"); e.Attributes.First("mail") != want {
			t.Errorf("afterwards: %v", e.Attributes)
		}
	}
}

// When the directory takes a change of one of a ring only in part, whoever
// stepped aside does not get back what that one has by now.
func TestARingThatIsTakenInPart(t *testing.T) {
	const name = "part"
	f := &feed{records: []ident.Record{swapper(name, 0, 0), swapper(name, 1, 1)}}
	s := swapScene(t, name, f, mapping.AttributeDef{Name: "userParameters", Value: &expr.Source{Text: "user.userParameters"}, OnMissing: mapping.OnMissingClear})
	s.run(name)
	f.records[0], f.records[1] = swapper(name, 0, 1), swapper(name, 1, 0)
	f.records[1].Fields["userParameters"] = "bad" // this directory takes none
	for range 2 {
		s.run(name)
	}
	for key, want := range []string{"part1@swap.test", "part0@swap.test"} {
		if e := s.account(fmt.Sprintf("%s:%d", name, key), "mail"); e.Attributes.First("mail") != want {
			t.Errorf("afterwards: %v", e.Attributes)
		}
	}
}

// Nobody steps aside for somebody who is left alone.
func TestARingWithSomebodyWhoIsLeftAlone(t *testing.T) {
	const name = "alone"
	f := &feed{}
	for key := range 3 {
		f.records = append(f.records, swapper(name, key, key))
	}
	s := swapScene(t, name, f)
	s.run(name)
	for key := range 3 {
		f.records[key] = swapper(name, key, (key+1)%3)
	}
	link, _, err := s.Store.LinkByKey(t.Context(), ident.Users(name), "1")
	if err != nil {
		t.Fatal(err)
	}
	s.leave(store.Intent{Automation: name, Key: "1", GUID: link.GUID, Link: &link, Operation: ident.Operation{Class: "teleport"}}) // of a newer rollcall
	for _, o := range s.run(name).Outcomes {
		if o.Result != ident.ResultSkipped && !(o.Operation.Class == ident.ClassUpdate && o.Operation.Attributes[0].Name == "displayName") {
			t.Errorf("%s of %s: %s, %+v", o.Operation.Class, o.Name, o.Result, o.Operation.Attributes)
		}
	}
}

// When one of three cannot be changed after another has taken what the first
// gave up, or the first itself cannot, all get back what they had: nobody is
// left under an interim name.
func TestARingOfThreeThatBreaks(t *testing.T) {
	for name, by := range map[string]struct {
		key       int
		attribute string
	}{"late": {1, "mail"}, "last": {0, "displayName"}} {
		f := &feed{}
		for key := range 3 {
			f.records = append(f.records, swapper(name, key, key))
		}
		s := swapScene(t, name, f)
		s.run(name)
		for key := range 3 {
			f.records[key] = swapper(name, key, (key+1)%3)
		}
		var once sync.Once
		unique := s.Observer.(watcher).look
		s.Observer = watcher{look: func() {
			once.Do(func() {
				s.dc.Replace(t, s.account(fmt.Sprintf("%s:%d", name, by.key)).DN, by.attribute, "by-hand@swap.test")
			})
			unique()
		}}
		s.run(name)
		for _, key := range []int{0, 1, 2} {
			e := s.account(fmt.Sprintf("%s:%d", name, key), "sAMAccountName", "mail")
			own := fmt.Sprintf("%s%d", name, key)
			if mail := e.Attributes.First("mail"); mail != own+"@swap.test" && mail != "by-hand@swap.test" || e.Attributes.First("sAMAccountName") != own {
				t.Errorf("%d has %v", key, e.Attributes)
			}
		}
		s.run(name)
		for key := range 3 {
			e := s.account(fmt.Sprintf("%s:%d", name, key), "cn", "sAMAccountName", "mail")
			want := fmt.Sprintf("%s%d", name, (key+1)%3)
			if e.Attributes.First("mail") != want+"@swap.test" || e.Attributes.First("sAMAccountName") != want || e.Attributes.First("cn") != fmt.Sprintf("%s Person %d", name, (key+1)%3) {
				t.Errorf("afterwards %d has %v", key, e.Attributes)
			}
		}
	}
}
