package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// asking is configuration with an orchestration that deactivates people at the
// application, and an automation that begins it for accounts without a logon in 90
// days, as in configs/conf.d.
const asking = `
[orchestrations.ask]
[[orchestrations.ask.steps]]
delay = "1s"
[[orchestrations.ask.steps]]
name    = "off"
webhook = "pipedrive/deactivate_user"
if      = "link != null"

[automations.stale]
trigger       = "schedule"
base          = "OU=Staff,DC=ad,DC=test"
schedule      = "0 6 * * 1"
where         = '!ad.disabled && date_diff(coalesce(from_filetime(ad.lastLogonTimestamp), ad.whenCreated), now, "days") > 90'
orchestration = "ask"
limits        = { start = 2 }

[automations.staff]`

// logon writes when an account last logged on.
func (w *world) logon(dn ident.DN, at time.Time) {
	w.Helper()
	ticks := (at.Unix() + 11_644_473_600) * 10_000_000 // of 100 ns since 1601
	w.dc.Replace(w, dn, "lastLogonTimestamp", strconv.FormatInt(ticks, 10))
}

// begun is a report of a command that begins orchestrations.
func (w *world) begun(code int, args ...string) service.ReportAnswer {
	w.Helper()
	var r service.ReportAnswer
	a := w.want(code, append([]string{"--output", "json"}, args...)...)
	if err := json.Unmarshal([]byte(a.stdout), &r); err != nil || r.Summary.Began == nil {
		w.Fatalf("%v: %s", err, a.stdout)
	}
	return r
}

// TestAccountsWithoutLogonGetAnOrchestration: an automation finds them on its
// schedule, each once, within its limit, and what it begins is carried out.
func TestAccountsWithoutLogonGetAnOrchestration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, "[automations.staff]", asking)
	w.apply(0)
	dns := map[string]ident.DN{}
	for anchor, e := range w.accounts() {
		dns[strings.TrimPrefix(anchor, "pipedrive:")] = e.DN
	}
	ago := func(days int) time.Time { return time.Now().AddDate(0, 0, -days) }
	w.logon(dns["1"], ago(100))
	w.logon(dns["2"], ago(89))
	w.logon(dns["3"], ago(400)) // the fourth has never logged on, and is new

	text := w.want(0, "plan", "stale").stdout
	for _, want := range []string{"Automation stale: orchestration ask", "2 match: it would begin for 2.", string(dns["1"]), string(dns["3"])} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
	w.want(exit.Usage, "plan", "stale", "--out", filepath.Join(w.dir, "plan.json"))

	d := w.start()
	r := w.begun(0, "apply", "stale")
	if c := r.Summary.Began; c.Matched != 2 || c.Begun != 2 || r.Orchestration != "ask" || r.Automation != "stale" {
		t.Errorf("%+v, %+v", r.Run, *c)
	}
	active := func(id int64) bool {
		u, err := w.sim.User(id)
		return err == nil && u.ActiveFlag
	}
	soak.Await(t, "the two are deactivated at the application", func() bool { return !active(1) && !active(3) })
	if !active(2) || !active(4) {
		t.Error("somebody else was deactivated")
	}
	if c := w.begun(0, "apply", "stale").Summary.Began; c.Before != 2 || c.Begun != 0 {
		t.Errorf("%+v", *c)
	}
	w.logon(dns["4"], ago(1000))
	held := w.begun(exit.Held, "apply", "stale")
	if c := held.Summary.Began; c.Before != 2 || c.Held != 1 {
		t.Errorf("%+v", *c)
	}
	if said := w.want(0, "runs", fmt.Sprint(held.ID)).stdout; !strings.Contains(said, fmt.Sprintf("`rollcall approve %d`", held.ID)) {
		t.Error(said)
	}
	if said := w.want(0, "runs").stdout; !strings.Contains(said, "held (1 open)") {
		t.Error(said)
	}
	w.want(0, "approve", fmt.Sprint(held.ID))
	soak.Await(t, "the third is deactivated", func() bool { return !active(4) })
	if said := d.said(); strings.Contains(said, "level=ERROR") {
		t.Error(said)
	}
	d.stop()
}

// TestAPersonBeginsAnOrchestration: for objects that are named, and for those that a
// condition holds for.
func TestAPersonBeginsAnOrchestration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[automations.staff]", asking)
	w.apply(0)
	account := w.accounts()["pipedrive:1"]
	sam, mail := account.Attributes.First("sAMAccountName"), account.Attributes.First("mail")
	w.dc.AddMember(t, w.dc.OU("Groups").Child("CRM"), account.DN)
	inner := w.dc.AddGroup(t, w.dc.OU("Groups"), "Inner", account.DN)
	outer := w.dc.AddGroup(t, w.dc.OU("Groups"), "Outer", inner)

	said := w.want(0, "orchestrate", "ask", "--user", sam, "--user", mail, "--members-of", "Outer", "--dry-run").stdout
	for _, want := range []string{
		"1 matches: it would begin for 1.", "limits.start 20% or 20: 20 may begin in 24 hours", "first: step1 (delay of 1s)",
		"step off, pipedrive/deactivate_user:", "    PUT /v1/users/1", `    {"active_flag": false}`, string(account.DN),
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the dry run lacks %q:\n%s", want, said)
		}
	}
	for _, c := range []struct{ say, args string }{
		{"nobody can be asked here", "--user " + sam},
		{"for whom?", ""},
		{"--base has no effect", "--yes --user " + sam + " --base OU=Staff,DC=ad,DC=test"},
		{`no user "nobody"`, "--yes --user nobody"},
		{"is outside of scope", "--yes --user ooutside"},
		{"is outside of scope", "--yes --where !ad.disabled --base OU=Elsewhere,DC=ad,DC=test"},
		{"--where:1:6:", "--yes --where ad.==1"},
		{"--where:1:1:", "--yes --where lnks.crm!=null"},
	} {
		a := w.rollcall(append([]string{"orchestrate", "ask"}, strings.Fields(c.args)...)...)
		if a.code != exit.Usage || !strings.Contains(a.stderr, c.say) {
			t.Errorf("%s: %d, %s%s", c.args, a.code, a.stdout, a.stderr)
		}
	}
	if a := w.want(exit.Usage, "orchestrate", "aks", "--yes", "--user", sam); !strings.Contains(a.stderr, `did you mean "ask"`) {
		t.Error(a.stderr)
	}
	var runs []service.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil || len(runs) != 1 {
		t.Errorf("%d runs are recorded, and nothing has begun: %v", len(runs), err)
	}

	r := w.begun(0, "orchestrate", "ask", "--where", `links.pipedrive != null && ad.displayName != null`, "--yes")
	if c := r.Summary.Began; c.Begun != 3 || r.Kind != "orchestrate" || r.Automation != "" || r.Orchestration != "ask" {
		t.Errorf("%+v, %+v", r.Run, *c)
	}
	if c := w.begun(0, "orchestrate", "ask", "--user", sam, "--group", string(outer), "--yes").Summary.Began; c.Begun != 1 || c.UnderWay != 1 {
		t.Errorf("%+v", *c)
	}
	unclear := w.begun(exit.Quarantine, "orchestrate", "ask", "--user", sam, "--where", `date(ad.displayName) < now`, "--yes")
	if items := unclear.Summary.Quarantined; len(items) != 1 || !strings.Contains(items[0].Cause, "--where:1:1") {
		t.Errorf("%+v", items)
	}
	w.want(0, "run", "--once") // both automations are due
	if said := w.want(0, "runs").stdout; !strings.Contains(said, "stale") || strings.Count(said, "scheduled") != 2 {
		t.Error(said)
	}
}
