package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// TestABadDayAtTheSource spoils the answer of an application whose people all
// have accounts: whatever comes, nobody is disabled, and the admin is told.
func TestABadDayAtTheSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60)
	w.apply(0)
	before := w.accounts()
	cases := []struct {
		name  string
		fault sim.Fault
		code  int
		says  []string
	}{
		{"truncated", sim.Fault{Kind: sim.Truncate, Bytes: 5000}, 1, []string{"pipedrive", "users", "byte"}},
		{"HTML", sim.Fault{Kind: sim.HTML}, 1, []string{"pipedrive", "users", "HTML"}},
		{"success:false", sim.Fault{Kind: sim.Unsuccess, Text: "company is locked"}, 1, []string{"company is locked"}},
		{"data:null", sim.Fault{Kind: sim.DataNull}, 1, []string{"/data", "null"}},
		{"nothing", sim.Fault{Kind: sim.DataEmpty}, 3, []string{": doubtful\n", "the delivery is in doubt", "Nobody is considered missing", "delivered no record at all"}},
		{"half of the people", sim.Fault{Kind: sim.Half}, 3, []string{": doubtful\n", "disable", "held"}},
		{"no id", sim.Fault{Kind: sim.MissingID}, 3, []string{": doubtful\n", "no primary key", "Nobody is considered missing"}},
		{"two with one id", sim.Fault{Kind: sim.DuplicateID}, 3, []string{": doubtful\n", "more than once", "Nobody is considered missing"}},
		{"wrong types", sim.Fault{Kind: sim.WrongTypes}, 4, []string{"In quarantine"}},
		{"huge numbers", sim.Fault{Kind: sim.HugeNumbers}, 4, []string{"is linked to the key 2"}},
		{"bad text in a name", sim.Fault{Kind: sim.BadText, Text: "name"}, 4, []string{"/name has a fault: half of a surrogate pair at byte", "(endpoint users, record /data/1 of answer 1)", "correct this record in pipedrive"}},
		{"bad text that nobody uses", sim.Fault{Kind: sim.BadText, Text: "phone"}, 0, nil},
		{"bad text in an id", sim.Fault{Kind: sim.BadText, Text: "id"}, 3, []string{": doubtful\n", "the first: the key /id has a fault: half of a surrogate pair at byte", "record /data/1 of answer 1", "Nobody is considered missing"}},
		{"401", sim.Fault{Kind: sim.Status, Code: 401}, 1, []string{"credentials", "next:"}},
		{"403", sim.Fault{Kind: sim.Forbidden}, 1, []string{"lacks the right"}},
		{"403 HTML", sim.Fault{Kind: sim.Blocked}, 1, []string{"blocked"}},
		{"500", sim.Fault{Kind: sim.Status, Code: 500, Times: 50}, 1, []string{"500", "next:"}},
		{"reset", sim.Fault{Kind: sim.Reset, Bytes: 3000, Times: 50}, 1, []string{"pipedrive"}},
	}
	for _, tc := range cases {
		w.sim.ClearFaults()
		tc.fault.Route = "users"
		if tc.fault.Times == 0 {
			tc.fault.Times = 1
		}
		if err := w.sim.AddFault(tc.fault); err != nil {
			t.Fatal(err)
		}
		a := w.rollcall("apply", "staff")
		if a.code != tc.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tc.name, a.code, tc.code, a.stdout, a.stderr)
		}
		for _, want := range tc.says {
			if !strings.Contains(a.stdout+a.stderr, want) {
				t.Errorf("%s: the admin is not told %q:\n%s%s", tc.name, want, a.stdout, a.stderr)
			}
		}
		after := w.accounts()
		for anchor, e := range before {
			if got, ok := after[anchor]; !ok || disabled(got) != disabled(e) || !got.DN.EqualFold(e.DN) {
				t.Fatalf("%s: %s became %+v", tc.name, e.DN, got)
			}
		}
	}
	w.sim.ClearFaults()
	w.settled()
}

// TestABadFirstDay has the faults meet people who have no accounts yet: what
// is spoiled gets none, and once it is repaired each has exactly one.
func TestABadFirstDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20)
	for _, fault := range []struct {
		kind sim.Kind
		code int
	}{{sim.DataEmpty, 3}, {sim.DuplicateID, 3}, {sim.MissingID, 3}, {sim.WrongTypes, 4}, {sim.BadText, 4}} {
		if err := w.sim.AddFault(sim.Fault{Kind: fault.kind, Text: "name", Route: "users", Times: 1}); err != nil {
			t.Fatal(err)
		}
		w.want(fault.code, "apply", "staff")
		w.accounts() // fails when somebody has two
	}
	w.apply(0)
	w.settled()
}

func TestAUserWithoutAnEmailAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	for _, email := range []sim.Text{{}, sim.Null(), sim.Some("")} {
		u := w.sim.Add("Nora Nobody", "nora@example.org")
		if _, err := w.sim.Change(u.ID, func(u *sim.User) { u.Email = email }); err != nil {
			t.Fatal(err)
		}
	}
	p := w.plan(4)
	if len(p.Quarantined) != 3 {
		t.Fatalf("quarantined: %+v", p.Quarantined)
	}
	for _, q := range p.Quarantined {
		if !strings.Contains(q.Cause, "mail") || q.Next == "" {
			t.Errorf("cause %q, next %q", q.Cause, q.Next)
		}
	}
	r := w.apply(4)
	if r.Counts[ident.ClassCreate][ident.ResultApplied] != r.Summary.Records.InScope-3 {
		t.Errorf("created %+v of %+v", r.Counts, r.Summary.Records)
	}
}

// TestHostileNames has people whose names would break an LDAP filter, a DN or
// a CSV: each gets one account with that name.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	names := []string{`O"Brien, Ada`, `*)(cn=*`, `#lead`, ` lead and trail `, `=cmd()`, `a\,b+c<d>e;f`, `Ümit Çağlar`, `x=1,CN=Admin`, "Tab\tBed"}
	w := newWorld(t, 1)
	want := map[string]string{}
	for i, n := range names {
		u := w.sim.Add(n, strings.Repeat("h", i+1)+"@example.org")
		want["pipedrive:"+itoa(u.ID)] = n
	}
	r := w.rollcall("apply", "staff")
	if r.code != 0 && r.code != 4 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	accounts := w.accounts()
	for anchor, name := range want {
		e, ok := accounts[anchor]
		if !ok {
			if !strings.Contains(r.stdout, "next:") {
				t.Errorf("%q has no account and nobody was told", name)
			}
			continue
		}
		if got := e.Attributes.First("displayName"); strings.TrimSpace(name) != got {
			t.Errorf("%q became %q", name, got)
		}
	}
	if len(accounts) < len(names)-1 {
		t.Errorf("only %d of %d names have accounts:\n%s", len(accounts), len(names), r.stdout)
	}
	w.settledAt(r.code)
}
