package main

import (
	"database/sql"
	"fmt"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	infobipsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
)

// converges waits until every change has arrived, and nothing is there twice.
func (l *mixedLoad) converges() {
	l.Helper()
	wrong := ""
	defer func() {
		if l.Failed() {
			l.Logf("not arrived: %s\n%s\n%s", wrong, l.rollcall("orchestrations", "--all").stdout, l.d.said())
		}
	}()
	soak.Await(l, "every change has arrived", func() bool {
		now := ""
		if a := l.rollcall("apply", "staff"); a.code != 0 {
			now = a.stdout + a.stderr
		} else {
			now = l.missing()
		}
		if now != "" && now != wrong {
			l.Log("not yet: " + now)
		}
		wrong = now
		return wrong == ""
	})
	for _, i := range l.allEnded() {
		if i.Status != store.InstanceDone {
			l.Errorf("orchestration %d, %s for %s: %s: %s", i.ID, i.Orchestration, i.Name, i.Status, i.Cause)
		}
	}
	soak.Await(l, "nothing that Pipedrive told of waits", func() bool {
		return l.number(`SELECT count(*) FROM receipts WHERE state = 'open'`) == 0
	})
	l.want(0, "apply", "staff")
	l.allEnded()
	if wrong = l.missing(); wrong != "" {
		l.Error("afterwards: " + wrong)
	}
	l.want(0, "journal", "verify")
}

// missing says what has not arrived, or is there twice; "" when all is well.
func (l *mixedLoad) missing() string {
	l.Helper()
	everybody := append(l.staff[:len(l.staff):len(l.staff)], l.made...)
	byMail := map[string][]ident.Entry{}
	for _, e := range l.dc.Find(l, "(&(sAMAccountType=805306368)(mail=*))", "mail", "displayName", "userAccountControl") {
		byMail[e.Attributes.First("mail")] = append(byMail[e.Attributes.First("mail")], e)
	}
	linked := l.linkedAgents()
	for _, m := range everybody {
		accounts := byMail[m.mail]
		if len(accounts) != 1 {
			return fmt.Sprintf("%s has %d accounts: %v", m.mail, len(accounts), accounts)
		}
		if wrong := l.wrong(m, accounts[0], linked[accounts[0].GUID]); wrong != "" {
			return m.mail + ": " + wrong
		}
	}
	want := int64(len(everybody))
	if c := l.infobip.Count(); c.People != want || c.Agents != want || l.sim.Count().Total != int(want) {
		return fmt.Sprintf("Infobip has %d people and %d agents, Pipedrive %d users, and there are %d accounts",
			c.People, c.Agents, l.sim.Count().Total, want)
	}
	return ""
}

// wrong says what somebody's account, seat, person and agent do not show.
func (l *mixedLoad) wrong(m *member, e ident.Entry, agents []infobipsim.Agent) string {
	name, current := e.Attributes.First("displayName"), m.name != "" && !m.left // what changed after somebody left stays
	if m.guid != "" && m.guid != e.GUID {
		return "another account has the mail address"
	}
	if current && name != m.name {
		return fmt.Sprintf("named %q in Pipedrive and %q in AD", m.name, name)
	}
	if off, _ := e.Disabled(); off != m.left {
		return fmt.Sprintf("left: %t, disabled in AD: %t", m.left, off)
	}
	if seats := l.seats(m.mail); len(seats) != 1 || seats[0].ActiveFlag == m.left {
		return fmt.Sprintf("left: %t, users of Pipedrive: %+v", m.left, seats)
	}
	person, found := l.person(e.GUID)
	if inInfobip := person.FirstName + " " + person.LastName; !found || current && inInfobip != name {
		return fmt.Sprintf("named %q in AD; a person of Infobip: %t, named %q", name, found, inInfobip)
	}
	if m.title != "" && person.CustomAttributes["jobTitle"] != m.title {
		return fmt.Sprintf("has the title %q in AD and %v in Infobip", m.title, person.CustomAttributes["jobTitle"])
	}
	if len(agents) != 1 || agents[0].Enabled == m.left {
		return fmt.Sprintf("left: %t, agents of Infobip: %+v", m.left, agents)
	}
	return ""
}

// linkedAgents are the agents of Infobip that an account is linked to.
func (l *mixedLoad) linkedAgents() map[ident.GUID][]infobipsim.Agent {
	l.Helper()
	all := map[ident.GUID][]infobipsim.Agent{}
	for _, link := range l.links() {
		if link.Application != "infobip" {
			continue
		}
		if n, err := l.infobip.AgentNumber(string(link.Key)); err == nil {
			if a, err := l.infobip.Agent(n); err == nil {
				all[link.GUID] = append(all[link.GUID], a)
			}
		}
	}
	return all
}

// accepted checks that what was answered with success is known, and that a run was made
// for it.
func (l *mixedLoad) accepted() {
	l.Helper()
	l.listen()
	for id, d := range l.told {
		if d.accepted && l.number(`SELECT count(*) FROM receipts WHERE delivery = ? AND state = 'done' AND run <> 0`, id) != 1 {
			l.Errorf("Pipedrive's delivery %s was accepted, and no run was made for it", id)
		}
	}
}

// report says what was changed, and how much had to be repeated.
func (l *mixedLoad) report(kills int) string {
	l.Helper()
	renamed, titled, left := 0, 0, 0
	for _, m := range append(l.staff[:len(l.staff):len(l.staff)], l.made...) {
		renamed, titled, left = renamed+one(m.name != ""), titled+one(m.title != ""), left+one(m.left)
	}
	again, lost, accepted := 0, 0, 0
	for _, d := range l.told {
		again, lost, accepted = again+d.attempts-1, lost+one(!d.accepted), accepted+one(d.accepted)
	}
	return fmt.Sprintf("%d kills survived: %d accounts made in AD, %d people hired in Pipedrive, %d renamed, %d titles, %d left; "+
		"%d deliveries of Pipedrive accepted, %d attempts repeated, %d found by looking only; %d calls for %d deliveries to applications",
		kills, len(l.made), len(l.staff)-l.people, renamed, titled, left, accepted, again, lost,
		l.number(`SELECT coalesce(sum(attempts), 0) FROM deliveries`), l.number(`SELECT count(*) FROM deliveries`))
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// number is what a query of the agent's state answers.
func (l *mixedLoad) number(query string, args ...any) (n int) {
	l.Helper()
	db, err := sql.Open("sqlite", filepath.Join(l.dir, "state", store.FileName)+"?_pragma=busy_timeout(20000)")
	if err != nil {
		l.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(l.Context(), query, args...).Scan(&n); err != nil {
		l.Fatal(err)
	}
	return n
}
