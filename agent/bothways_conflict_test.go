package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// pushMail tells Infobip of each new address.
const pushMail = `
[orchestrations.push_mail]
[[orchestrations.push_mail.steps]]
webhook = "infobip/set_contact_information"
if      = 'link != null'
[automations.push_mail]
trigger       = "directory"
on            = ["modified(mail)"]
orchestration = "push_mail"

[orchestrations.lead]`

// TestAConflictReachesTheThirdOne: between two runs, Pipedrive and somebody in AD change
// one address. Whoever is authoritative, Infobip comes to the value that AD has in the
// end; the plan names both values, and the journal has the one that lost.
func TestAConflictReachesTheThirdOne(t *testing.T) {
	t.Parallel()
	const mapped = `mail        = { value = "{{ lower(user.email) }}", unique = "forest" }`
	for authority, want := range map[string]struct{ wins, told string }{
		"directory":   {"byhand@ad.test", "; the directory is authoritative, and its value stays"},
		"application": {"crm@ad.test", "; the application is authoritative"},
	} {
		t.Run(authority, func(t *testing.T) {
			b := newBothWays(t, 1, mapped, strings.Replace(mapped, `"forest"`, `"forest", authoritative = "`+authority+`"`, 1),
				"\n[orchestrations.lead]", pushMail)
			b.apply(0)
			e := b.account("1")
			mailed := func(address string) func() bool {
				return func() bool {
					p, found := b.person(e.GUID)
					return found && len(p.Contact.Email) == 1 && p.Contact.Email[0].Address == address
				}
			}
			soak.Await(t, "the person of Infobip has the first address", mailed(b.dc.Get(t, e.DN, "mail").Attributes.First("mail")))
			mustPerson(b.world)(b.sim.Change(1, func(u *sim.User) { u.Email = sim.Some("crm@ad.test") }))
			b.ldapmodify(e.DN, "changetype: modify", "replace: mail", "mail: byhand@ad.test")
			soak.Await(t, "the address that was set by hand is in Infobip", mailed("byhand@ad.test"))

			both := "both changed mail: pipedrive says crm@ad.test, the directory was changed by hand to byhand@ad.test" + want.told
			if said := strings.Join(strings.Fields(b.want(0, "plan", "staff").stdout), " "); !strings.Contains(said, both) {
				t.Errorf("the plan says\n%s", said)
			}
			b.apply(0)
			soak.Await(t, "Infobip has the value that won", mailed(want.wins))
			if got := b.dc.Get(t, e.DN, "mail").Attributes.First("mail"); got != want.wins {
				t.Errorf("AD has %q", got)
			}
			inJournal := func() (n int) {
				for _, line := range strings.Split(b.want(0, "journal", "export").stdout, "\n") {
					if strings.Contains(line, both) && strings.Contains(line, "crm@ad.test") && strings.Contains(line, "byhand@ad.test") {
						n++
					}
				}
				return n
			}
			if n := inJournal(); n != 1 {
				t.Errorf("the journal has the conflict %d times", n)
			}
			// Nothing of it begins anew with the next run, and nothing was sent back.
			b.apply(0)
			soak.Await(t, "all that the change began has ended", func() bool {
				return strings.Contains(b.want(0, "orchestrations").stdout, "No orchestration")
			})
			if !mailed(want.wins)() {
				p, _ := b.person(e.GUID)
				t.Errorf("Infobip has %+v", p.Contact)
			}
			if n := inJournal(); n != 1 {
				t.Errorf("after another run the journal has the conflict %d times", n)
			}
			if n := b.asked("PUT /v1/users/1"); n != 0 {
				t.Errorf("%d requests went back to Pipedrive", n)
			}
			b.d.stop()
		})
	}
}
