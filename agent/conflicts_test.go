package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// TestBothSidesChangeAnAttribute: between two runs the application and somebody in
// AD change one attribute. The authoritative side wins, in a run for that user
// alone and in a whole run; the plan names the conflict with both values, and the
// journal has the one that lost.
func TestBothSidesChangeAnAttribute(t *testing.T) {
	t.Parallel()
	const mapped = `mail        = { value = "{{ lower(user.email) }}", unique = "forest" }`
	for authority, directory := range map[string]bool{"application": false, "directory": true} {
		t.Run(authority, func(t *testing.T) {
			w := newWorld(t, 6, mapped, strings.Replace(mapped, `"forest"`, `"forest", authoritative = "`+authority+`"`, 1))
			w.rollcall("apply", "staff")
			mail := func(key string) string {
				e := w.accounts()["pipedrive:"+key]
				return w.dc.Get(t, e.DN, "mail").Attributes.First("mail")
			}
			for id, key := range map[int64]string{2: "2", 3: "3"} {
				if mail(key) == "" {
					t.Fatalf("the account of %s has no address", key)
				}
				mustPerson(w)(w.sim.Change(id, func(u *sim.User) { u.Email = sim.Some("crm" + key + "@ad.test") }))
				w.dc.Replace(t, w.accounts()["pipedrive:"+key].DN, "mail", "byhand"+key+"@ad.test")
			}
			both := func(key string) string {
				return "both changed mail: pipedrive says crm" + key + "@ad.test, the directory was changed by hand to byhand" + key + "@ad.test"
			}
			won := func(key string, r engine.Report) {
				t.Helper()
				if directory {
					if got := mail(key); got != "byhand"+key+"@ad.test" {
						t.Errorf("the directory's value became %q", got)
					}
					if !strings.Contains(notes(r.Summary.Notes, key), both(key)+"; the directory is authoritative") {
						t.Errorf("notes are %+v", r.Summary.Notes)
					}
					return
				}
				if got := mail(key); got != "crm"+key+"@ad.test" {
					t.Errorf("the application's value is not there, but %q", got)
				}
				line := ""
				for _, text := range strings.Split(w.want(0, "journal", "export").stdout, "\n") {
					if strings.Contains(text, both(key)) {
						line = text
					}
				}
				if !strings.Contains(line, `"old":["byhand`+key+`@ad.test"]`) || !strings.Contains(line, `"conflict":true`) {
					t.Errorf("the journal has %s", line)
				}
			}
			report := func(args ...string) (r engine.Report) {
				t.Helper()
				if err := json.Unmarshal([]byte(w.want(0, append([]string{"--output", "json", "apply", "staff"}, args...)...).stdout), &r); err != nil {
					t.Fatal(err)
				}
				return r
			}
			said := w.want(0, "plan", "staff", "--key", "2").stdout
			if flat := strings.Join(strings.Fields(said), " "); !strings.Contains(flat, both("2")) || strings.Contains(flat, both("3")) {
				t.Errorf("the plan for one user says\n%s", said)
			}
			one := report("--key", "2")
			if one.Kind != store.KindChosen {
				t.Errorf("the run is %s", one.Kind)
			}
			won("2", one)
			if got := mail("3"); got != "byhand3@ad.test" {
				t.Errorf("a run for somebody else made it %q", got)
			}
			won("3", report())
			if r := report(); len(r.Outcomes) != 0 {
				t.Errorf("another run makes %+v", r.Outcomes)
			}
			if a := w.want(0, "runs"); !strings.Contains(a.stdout, "chosen") {
				t.Errorf("%s", a.stdout)
			}

			// Somebody puts the application's value into AD by hand, or the other way
			// round: both agree, and nothing is told any more.
			w.dc.Replace(t, w.accounts()["pipedrive:2"].DN, "mail", "same@ad.test")
			mustPerson(w)(w.sim.Change(2, func(u *sim.User) { u.Email = sim.Some("same@ad.test") }))
			if r := report("--key", "2"); len(r.Outcomes) != 0 || notes(r.Summary.Notes, "2") != "" {
				t.Errorf("after both agree: %+v, %+v", r.Outcomes, r.Summary.Notes)
			}
		})
	}
}

func notes(all []ident.Note, key string) string {
	var out []string
	for _, n := range all {
		if string(n.Key) == key {
			out = append(out, n.Text)
		}
	}
	return strings.Join(out, "\n")
}
