package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// mixedLoad is what was changed on both sides while the agent was killed.
type mixedLoad struct {
	*bothWays
	r      *rand.Rand
	people int
	made   map[ident.GUID]string // accounts that an administrator made, by mail address
	titles map[ident.GUID]string // that an administrator set last
	names  map[int64]string      // that Pipedrive shows last
}

// TestKilledInBothDirections kills the agent again and again while people change in
// AD and in Pipedrive. At the end each change has arrived on the other sides, nobody
// is there twice, and nothing waits.
func TestKilledInBothDirections(t *testing.T) {
	t.Parallel()
	people, kills := soak.Size(5, 40), soak.Size(4, 300)
	l := &mixedLoad{
		bothWays: newBothWays(t, people), r: soak.Rand(t), people: people,
		made: map[ident.GUID]string{}, titles: map[ident.GUID]string{}, names: map[int64]string{},
	}
	l.apply(0)
	l.d.stop()
	l.choose = nil // an agent with the race detector takes too long to start
	for n := range kills {
		l.d = l.start()
		ended := l.applying()
		pause := time.Duration(l.r.IntN(1000)) * time.Millisecond
		for range 3 {
			l.change(n)
			time.Sleep(pause / 3)
		}
		if err := l.d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-l.d.readed
		_ = l.d.cmd.Wait() // it was killed
		<-ended
	}
	l.d = l.start()
	l.converges()
	l.d.stop()
	again := l.again()
	t.Logf("%d kills survived: %d accounts made in AD, %d titles, %d names; %d calls for %d deliveries",
		kills, len(l.made), len(l.titles), len(l.names), again.calls, again.deliveries)
}

// applying runs the automation of Pipedrive's people beside everything else. The
// channel is closed when it has ended, by itself or with the agent.
func (l *mixedLoad) applying() <-chan struct{} {
	ended := make(chan struct{})
	cmd := l.command("apply", "staff")
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it may be cut off
	}()
	return ended
}

// change makes one change at random.
func (l *mixedLoad) change(n int) {
	l.Helper()
	switch l.r.IntN(4) {
	case 0:
		name := fmt.Sprintf("eva%d", len(l.made))
		mail := name + "@example.org"
		guid := l.dc.AddUser(l, l.dc.OU("Staff"), "Eva Nova "+name, name, map[string][]string{
			"mail": {mail}, "givenName": {"Eva"}, "sn": {"Nova " + name}, "displayName": {"Eva Nova " + name},
		})
		l.made[guid] = mail
	case 1:
		id := 1 + l.r.Int64N(int64(l.people))
		l.names[id] = fmt.Sprintf("Given%d Family%d", n, id)
		mustPerson(l)(l.sim.Rename(id, l.names[id]))
	default:
		e := l.account(fmt.Sprint(1 + l.r.IntN(l.people)))
		l.titles[e.GUID] = fmt.Sprintf("Title %d", l.r.IntN(1000))
		l.dc.Replace(l, e.DN, "title", l.titles[e.GUID])
	}
}

// converges waits until every change has arrived, and nothing is there twice.
func (l *mixedLoad) converges() {
	l.Helper()
	wrong := ""
	arrived := func() bool {
		if a := l.rollcall("apply", "staff"); a.code != 0 && a.code != 4 {
			wrong = a.stdout + a.stderr
			return false
		}
		wrong = l.missing()
		return wrong == ""
	}
	defer func() {
		if l.Failed() {
			l.Logf("not arrived: %s\n%s\n%s", wrong, l.rollcall("orchestrations", "--all").stdout, l.d.said())
		}
	}()
	soak.Await(l, "every change has arrived", arrived)
	for _, i := range l.allEnded() {
		if i.Status != store.InstanceDone {
			l.Errorf("orchestration %d, %s for %s: %s: %s", i.ID, i.Orchestration, i.Name, i.Status, i.Cause)
		}
	}
	if wrong = l.missing(); wrong != "" {
		l.Error(wrong)
	}
}

// missing says what has not arrived, or is there twice; "" when all is well.
func (l *mixedLoad) missing() string {
	accounts := l.accounts()
	for id, name := range l.names {
		e, found := accounts[fmt.Sprintf("pipedrive:%d", id)]
		if !found || e.Attributes.First("displayName") != name {
			return fmt.Sprintf("user %d of Pipedrive is %q, in AD %q", id, name, e.Attributes.First("displayName"))
		}
		if p, found := l.person(e.GUID); !found || p.FirstName+" "+p.LastName != name {
			return fmt.Sprintf("user %d of Pipedrive is %q, in Infobip %q", id, name, p.FirstName+" "+p.LastName)
		}
	}
	for guid, title := range l.titles {
		if p, found := l.person(guid); !found || p.CustomAttributes["jobTitle"] != title {
			return fmt.Sprintf("%s has the title %q, in Infobip %v", guid, title, p.CustomAttributes["jobTitle"])
		}
	}
	for guid, mail := range l.made {
		if _, found := l.person(guid); !found {
			return mail + " is not a person of Infobip"
		}
		if n := len(l.seats(mail)); n != 1 {
			return fmt.Sprintf("%s is %d users of Pipedrive", mail, n)
		}
	}
	want := int64(l.people + len(l.made))
	if c := l.infobip.Count(); c.People != want || c.Agents != want {
		return fmt.Sprintf("Infobip has %d people and %d agents, there are %d accounts", c.People, c.Agents, want)
	}
	return ""
}

// seats lists the users of Pipedrive with a mail address.
func (l *mixedLoad) seats(mail string) (all []sim.User) {
	for id := int64(1); id <= int64(l.people+len(l.made)*2); id++ {
		if u, err := l.sim.User(id); err == nil && u.Email.Value == mail {
			all = append(all, u)
		}
	}
	return all
}

// repeated counts how often calls were made again.
type repeated struct{ calls, deliveries int }

func (l *mixedLoad) again() (n repeated) {
	l.Helper()
	db, err := sql.Open("sqlite", filepath.Join(l.dir, "state", store.FileName))
	if err != nil {
		l.Fatal(err)
	}
	defer db.Close()
	row := db.QueryRowContext(l.Context(), `SELECT count(*), coalesce(sum(attempts), 0) FROM deliveries`)
	if err := row.Scan(&n.deliveries, &n.calls); err != nil {
		l.Fatal(err)
	}
	return n
}
