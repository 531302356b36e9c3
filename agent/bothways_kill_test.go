package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// mixedLoad is what was changed on both sides while the agent was killed.
type mixedLoad struct {
	*bothWays
	r      *rand.Rand
	people int        // of Pipedrive, from the start
	staff  []*member  // those of Pipedrive, from the start and hired there
	made   []*member  // whose account an administrator made
	told   deliveries // what Pipedrive told of
}

// member is somebody who is changed, as it must be in the end.
type member struct {
	key   int64      // of Pipedrive; 0 when an administrator made the account
	guid  ident.GUID // "" when a run is to make the account
	mail  string
	name  string // that Pipedrive shows last; "" when it was not changed
	title string // that an administrator set last; "" when none was
	left  bool
}

// deliveries are what Pipedrive told the receiver, by id of the delivery.
type deliveries map[string]delivered

type delivered struct {
	attempts int
	accepted bool // it was answered with success
}

// TestKilledInBothDirections kills the agent again and again while people come, change
// and leave in AD and in Pipedrive, which tells of it at once. At the end each change
// has arrived on the other sides, nobody is there twice, for each delivery that
// the receiver accepted there was a run, and nothing waits.
func TestKilledInBothDirections(t *testing.T) {
	t.Parallel()
	people, kills := soak.Size(5, 20), soak.Size(4, 300)
	slow := []string{"[directory]", "[directory]\ntimeout = \"2m\""} // a domain controller that shares busy cores answers late
	l := &mixedLoad{bothWays: newBothWays(t, people, slow...), r: soak.Rand(t), people: people, told: deliveries{}}
	l.begins()
	for n := range kills {
		l.d = l.start()
		ended := l.applying()
		pause := time.Duration(l.r.IntN(1000)) * time.Millisecond
		for range 3 {
			l.change(n)
			time.Sleep(pause / 3) // until a random moment
		}
		if err := l.d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-l.d.readed
		_ = l.d.cmd.Wait() // it was killed
		<-ended
		l.listen()
	}
	l.d = l.start()
	l.converges()
	l.d.stop()
	l.accepted()
	t.Log(l.report(kills))
}

// begins lets everybody be known on all sides and lets Pipedrive tell of changes,
// before anything is killed.
func (l *mixedLoad) begins() {
	l.Helper()
	l.d.stop()
	l.unlimited()
	l.choose = nil                                    // an agent with the race detector takes too long to start
	for id := int64(1); id <= int64(l.people); id++ { // everybody works here, with a name of their own
		mustPerson(l)(l.sim.Change(id, func(u *sim.User) { u.Name, u.ActiveFlag = fmt.Sprintf("Ada Novak%d", id), true }))
	}
	l.d = l.start()
	l.want(0, "webhook-receiver", "register", "pipedrive")
	l.apply(0)
	for id := int64(1); id <= int64(l.people); id++ {
		e := l.account(fmt.Sprint(id))
		l.staff = append(l.staff, &member{key: id, guid: e.GUID, mail: e.Attributes.First("mail")})
	}
	soak.Await(l, "everybody is known to Infobip", func() bool {
		c := l.infobip.Count()
		return c.People == int64(l.people) && c.Agents == c.People
	})
	l.d.stop()
}

// unlimited lets runs change everybody, and changes begin orchestrations, as often as
// the load asks for it: what is held never arrives.
func (l *mixedLoad) unlimited() {
	l.Helper()
	text := l.text()
	for old, now := range map[string]string{
		`disable = "5%"`:              `disable = 1000000, update = 1000000, source_shrink = "100%"`,
		`trigger       = "directory"`: `trigger       = "directory"` + "\nlimits        = { start = 1000000 }",
	} {
		if !strings.Contains(text, old) {
			l.Fatalf("the configuration has no %s", old)
		}
		text = strings.ReplaceAll(text, old, now)
	}
	l.write("agent.toml", text)
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
	switch l.r.IntN(8) {
	case 0:
		l.hireInAD()
	case 1, 2:
		l.rename(n)
	case 3, 4:
		l.retitle()
	case 5:
		l.leaveInAD()
	case 6:
		u := l.sim.Add(fmt.Sprintf("Hired Person%d", len(l.staff)), fmt.Sprintf("hired%d@example.org", len(l.staff)))
		l.staff = append(l.staff, &member{key: u.ID, mail: u.Email.Value, name: u.Name})
	case 7:
		l.leaveInPipedrive()
	}
}

func (l *mixedLoad) hireInAD() {
	l.Helper()
	name := fmt.Sprintf("eva%d", len(l.made))
	mail := name + "@example.org"
	guid := l.dc.AddUser(l, l.dc.OU("Staff"), "Eva Nova "+name, name, map[string][]string{
		"mail": {mail}, "givenName": {"Eva"}, "sn": {"Nova " + name}, "displayName": {"Eva Nova " + name},
	})
	l.made = append(l.made, &member{guid: guid, mail: mail})
}

// rename changes somebody in Pipedrive who has not left.
func (l *mixedLoad) rename(n int) {
	l.Helper()
	if m := l.oneOf(l.staff, func(m *member) bool { return !m.left }); m != nil {
		m.name = fmt.Sprintf("Given%d Family%d", n, m.key)
		mustPerson(l)(l.sim.Rename(m.key, m.name))
	}
}

// retitle changes somebody in AD. A new account is known when the seat of Pipedrive is
// there: a title that it had before is no change.
func (l *mixedLoad) retitle() {
	l.Helper()
	m := l.oneOf(append(l.staff[:l.people:l.people], l.made...), func(m *member) bool { return m.key > 0 || len(l.seats(m.mail)) > 0 })
	m.title = fmt.Sprintf("Title %d", l.r.IntN(1000))
	l.dc.Replace(l, m.dn(), "title", m.title)
}

// leaveInAD disables somebody's account, once the agent knows it.
func (l *mixedLoad) leaveInAD() {
	l.Helper()
	if m := l.oneOf(l.made, func(m *member) bool { return !m.left && len(l.seats(m.mail)) > 0 }); m != nil {
		m.left = true
		l.dc.Replace(l, m.dn(), "userAccountControl", "514")
	}
}

// leaveInPipedrive deactivates somebody whom Infobip knows. Somebody who leaves before
// gets no account. The first never leaves.
func (l *mixedLoad) leaveInPipedrive() {
	l.Helper()
	if m := l.oneOf(l.staff[1:], func(m *member) bool { return !m.left && m.guid != "" }); m != nil {
		m.left = true
		mustPerson(l)(l.sim.SetActive(m.key, false))
	}
}

// dn names the account wherever it is by now.
func (m *member) dn() ident.DN { return ident.DN("<GUID=" + string(m.guid) + ">") }

// oneOf chooses one of those who are fit for something; nil when nobody is.
func (l *mixedLoad) oneOf(all []*member, fit func(*member) bool) *member {
	var some []*member
	for _, m := range all {
		if fit(m) {
			some = append(some, m)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[l.r.IntN(len(some))]
}

// seats lists the users of Pipedrive with a mail address.
func (l *mixedLoad) seats(mail string) (all []sim.User) {
	for id := int64(1); ; id++ {
		u, err := l.sim.User(id)
		if err != nil {
			return all
		}
		if u.Email.Value == mail {
			all = append(all, u)
		}
	}
}

// listen notes what Pipedrive has told so far.
func (l *mixedLoad) listen() {
	for _, a := range l.sim.Attempts() {
		d := l.told[a.ID]
		l.told[a.ID] = delivered{attempts: max(d.attempts, a.Attempt), accepted: d.accepted || a.Status/100 == 2}
	}
}
