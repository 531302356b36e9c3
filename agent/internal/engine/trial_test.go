package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// triedText writes what was tried, for comparison: per record its key, whether it is
// in scope, its attributes, what found its account, and why it is aside.
func triedText(out Tried) string {
	var b strings.Builder
	for _, r := range out.Records {
		fmt.Fprintf(&b, "%s:", r.Key())
		switch {
		case r.Aside != "":
			b.WriteString(" aside: " + r.Aside)
		case r.Err != nil:
			b.WriteString(" error: " + r.Err.Error())
		case !r.Scope.In:
			b.WriteString(" out")
		}
		for _, a := range r.Shown.Attributes {
			if len(a.Values) > 0 {
				fmt.Fprintf(&b, " %s=%s", a.Name, strings.Join(a.Values, ","))
			}
		}
		for _, f := range r.Shown.Faults {
			fmt.Fprintf(&b, " fault: %s", f.Cause)
		}
		if r.Link != nil {
			b.WriteString(" linked")
		}
		if r.Account != nil {
			b.WriteString(" has " + r.Account.DN.Name())
		}
		if r.By != "" {
			b.WriteString(" by " + r.By)
		}
		b.WriteString("\n")
	}
	for _, n := range out.Notes {
		fmt.Fprintf(&b, "%s note: %s\n", n.Key, n.Text)
	}
	return b.String()
}

func (s *scene) tries(t Trial) string {
	s.Helper()
	t.Automation = "crm"
	out, err := s.Try(s.Context(), t)
	if err != nil {
		s.Fatal(err)
	}
	if (out.Plan != nil) != t.Directory {
		s.Errorf("a plan without the directory, or none with it: %+v", out.Plan)
	}
	return triedText(out)
}

// TestTrial: which records are tried, of one endpoint and of two that are joined; who
// is not delivered properly is said to be.
func TestTrial(t *testing.T) {
	users := []ident.Record{person("1", "Ada"), person("2", "Ben"), {Endpoint: "users", Problem: "no id"}, person("3", "Cy"), person("3", "Cyd"), person("4", "Di")}
	hr := []ident.Record{ofHR("4", "title", "Four"), ofHR("1", "title", "One"), ofHR("2", "title", "Two"), ofHR("9", "title", "Nine")}
	const one, two = "1: displayName=Ada sAMAccountName=crm1 cn=Ada title=One\n", "2: displayName=Ben sAMAccountName=crm2 cn=Ben title=Two\n"
	const three = "3: aside: the key was delivered 2 times\n"
	for _, inner := range []bool{false, true} {
		s, lead, partner := joinScene(t, inner, "", users, hr)
		for _, c := range []struct {
			name string
			in   Trial
			want string
		}{
			{"the first ones", Trial{Most: 2}, one + two},
			{"two that were asked for", Trial{Keys: []ident.Key{"2", "7"}}, two + "7 note: crm has no record with this key\n"},
			{"twice the same key", Trial{Keys: []ident.Key{"3"}}, three},
			{"saved, the first ones", Trial{Most: 2, Saved: true, Given: append(hr, users...)}, one + two},
			{
				"saved, by key",
				Trial{Most: 1, Keys: []ident.Key{"2", "3", "8"}, Saved: true, Given: append(users, hr...)},
				two + three + "8 note: crm has no record with this key\n",
			},
		} {
			for _, lead.no = range []string{"", "it cannot"} {
				got := s.tries(c.in)
				if got != c.want {
					t.Errorf("%s (inner %v, %q):\n%swant\n%s", c.name, inner, lead.no, got, c.want)
				}
			}
		}
		before := len(lead.one) + len(partner.one)
		s.tries(Trial{Keys: []ident.Key{"1"}, Saved: true, Given: users})
		if len(lead.one)+len(partner.one) != before {
			t.Error("the application was asked although the records are given")
		}
		out, err := s.Try(t.Context(), Trial{Automation: "crm", Most: 4, Saved: true, Given: users})
		if err != nil || out.Keyless != 1 || out.FirstKeyless != "no id" {
			t.Errorf("without a key: %+v, %v", out, err)
		}
		want := "1: displayName=Ada sAMAccountName=crm1 cn=Ada\n"
		if inner {
			want = "1: aside: endpoint hr has no record with this key, and join = \"inner\" leaves out who has none\n"
		}
		if got := s.tries(Trial{Keys: []ident.Key{"1"}, Saved: true, Given: users}); got != want {
			t.Errorf("without a partner (inner %v): %s", inner, got)
		}
	}
}

// TestTrialWithTheDirectory: names that are in use, the account that a record has or
// gets and by what, and the plan. Nothing is written, and what was staged is dropped.
func TestTrialWithTheDirectory(t *testing.T) {
	source := &single{feed: &feed{records: []ident.Record{person("1", "Ada"), person("2", "Ben"), person("3", "Cy")}}}
	s := newScene(t, map[string]*feed{"crm": source.feed})
	s.run("crm")
	a := s.Automations["crm"]
	a.Source, a.Settings.Match = source, []string{"displayName"}
	s.Automations["crm"] = a
	s.Replace(s.Automations, nil)
	source.records = append(source.records, person("4", "Newcomer"), person("5", "Ada"))
	before := s.account("crm:1")
	got := s.tries(Trial{Keys: []ident.Key{"1", "4", "5"}, Directory: true})
	for _, want := range []string{
		"1: displayName=Ada cn=Ada linked has " + before.DN.Name() + "\n", "4: displayName=Newcomer sAMAccountName=crm4 cn=Newcomer\n", "5: displayName=Ada sAMAccountName=crm5 cn=Ada (crm5)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	out, err := s.Try(t.Context(), Trial{Automation: "crm", Keys: []ident.Key{"4", "5"}, Directory: true})
	if err != nil || len(out.Plan.Changes) != 1 || out.Plan.Changes[0].Key != "4" || len(out.Plan.Quarantined) != 1 || out.Plan.Quarantined[0].Key != "5" {
		t.Errorf("the plan: %+v, %v", out.Plan, err)
	}
	if p := s.planned("crm"); len(p.Changes) != 1 {
		t.Errorf("after the trials there is another plan: %+v", p.Changes)
	}
	s.stagingIsEmpty()
}

// stagingIsEmpty fails when staged records were left behind.
func (s *scene) stagingIsEmpty() {
	s.Helper()
	n := 0
	for staging := int64(-50); staging < 0; staging++ {
		if err := s.Store.EachStaged(s.Context(), staging, func(store.Staged) error { n++; return nil }); err != nil {
			s.Fatal(err)
		}
	}
	if n > 0 {
		s.Errorf("%d records are still staged", n)
	}
}

// TestTrialFails: the reason is told, and nothing is left behind.
func TestTrialFails(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada")}, fails: errors.New("no answer")}
	s := newScene(t, map[string]*feed{"crm": source})
	if _, err := s.Try(t.Context(), Trial{Automation: "crm", Most: 5}); err == nil || !strings.Contains(err.Error(), "fetch the records of data source crm: no answer") {
		t.Errorf("a fetch that fails: %v", err)
	}
	connect := s.Connect
	s.Connect = func(context.Context, string) (Directory, error) { return nil, errors.New("no directory") }
	out, err := s.Try(t.Context(), Trial{Automation: "crm", Most: 1, Directory: true})
	if err == nil || err.Error() != "no directory" || triedText(out) != "1: displayName=Ada sAMAccountName=crm1 cn=Ada\n" || out.Plan != nil {
		t.Errorf("without the directory, the records are told: %v, %s", err, triedText(out))
	}
	s.Connect = connect
	if _, err := s.Try(t.Context(), Trial{Automation: "crn", Most: 5}); err == nil {
		t.Error("an automation that is not there")
	}
	if got := s.tries(Trial{Most: 1}); got != "1: displayName=Ada sAMAccountName=crm1 cn=Ada\n" {
		t.Errorf("what fails after enough has come: %s", got)
	}
}
