package main

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestFlood changes the same people on all sides at once, while automations carry
// changes in both directions. In the end all sides agree, nothing was sent back
// to where it came from, and what is left of it is silence.
func TestFlood(t *testing.T) {
	t.Parallel()
	f := newFlood(t, soak.Size(14, 70))
	d := f.start()
	f.run("staff")
	soak.Await(t, "everybody is in Infobip", func() bool { return int(f.infobip.Count().People) == len(f.accounts()) })
	f.settle()
	t.Log("everybody is on all sides")
	f.meet()
	f.mu.Lock()
	clear(f.atPerson)
	clear(f.atUser)
	f.mu.Unlock()

	last := soak.Size(5, 25)
	for round := range last { // what follows from one round is under way in the next one
		var sides sync.WaitGroup
		for _, change := range []func(int){f.inAD, f.atInfobip, f.atPipedrive} {
			sides.Go(func() { change(round) })
		}
		for _, automation := range []string{"staff", "cities"} {
			sides.Go(func() { f.run(automation) })
		}
		sides.Wait()
	}
	f.inAD(last) // AD is authoritative for the city: what was set there last stays
	t.Log("the changes are made")
	for left := 10; ; left-- {
		f.settle()
		if f.run("staff")+f.run("cities") == 0 {
			break
		}
		if left == 0 {
			t.Fatal("the runs find something to do again and again")
		}
	}
	f.settle()
	t.Log("all runs find nothing more to do")
	f.count()
	f.converged()
	f.hops()
	before := f.requests()
	f.run("staff")
	f.run("cities")
	f.settle()
	if after := f.requests(); after != before {
		t.Errorf("%d more requests when there is nothing to tell", after-before)
	}
	d.stop()
	t.Log("\n" + f.table())
}

func (f *flood) requests() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range []map[string]int{f.atPerson, f.atUser} {
		for _, k := range m {
			n += k
		}
	}
	return n
}

func (f *flood) count() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.people {
		p.there = f.atPerson[strconv.FormatInt(p.person, 10)]
		p.back = f.atUser[fmt.Sprintf("/v1/users/%d", p.user)]
	}
}

// converged checks that all sides agree about everybody.
func (f *flood) converged() {
	f.Helper()
	for _, p := range f.people {
		e := f.dc.Get(f, p.target(), "l", "displayName", "userAccountControl")
		user, err := f.sim.User(p.user)
		f.must(err)
		person, err := f.infobip.Person(p.person)
		f.must(err)
		off, _ := e.Disabled()
		say := func(what, ad, there string) {
			if ad != there {
				f.Errorf("%s (%s): %s is %q in AD and %q there", e.DN, p.group, what, ad, there)
			}
		}
		say("the name", e.Attributes.First("displayName"), user.Name)
		say("the city", e.Attributes.First("l"), person.City)
		say("the state", strconv.FormatBool(!off), strconv.FormatBool(user.ActiveFlag))
		switch p.group {
		case nameThere:
			say("the name in Infobip", p.last, person.FirstName)
			say("the name", e.Attributes.First("displayName"), p.last)
		case cityThere, cityHere, cityBoth:
			say("the city, as it was set last,", e.Attributes.First("l"), p.last)
		case leftThere, leftHere: // a Pipedrive leaver still reaches Infobip
			say("the state in Infobip", "left", person.Address)
		}
	}
}

// hops checks how far the changes of people have travelled.
func (f *flood) hops() {
	f.Helper()
	for _, p := range f.people {
		want := func(what string, n, least, most int) {
			if n < least || n > most {
				f.Errorf("%s (%s, %d changes): %d %s, want %d to %d", p.dn, p.group, p.changes, n, what, least, most)
			}
		}
		back, there, least := 0, p.changes, 1
		switch p.group {
		case cityThere, unaffected: // Infobip has it already
			there, least = 0, 0
		case leftHere:
			back = 1
		}
		want("requests at Infobip", p.there, least, there)
		want("writes at Pipedrive", p.back, back, back)
	}
}
