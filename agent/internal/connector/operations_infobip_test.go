package connector

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// infobipVendor takes readings: what the simulator does where the vendor's
// documents are open.
func infobipVendor(readings map[string]string) vendor {
	return vendor{
		name: "infobip", profile: abi.AuthAPIKey, secret: "sim-api-key",
		authorize: func(h http.Header) { h.Set("Authorization", "App sim-api-key") },
		simulator: infobipSimulator(readings),
		settings:  map[string]any{"tag": "Staff", "custom_attribute": "Cost centre"},
		lists:     []string{"/people/2/persons?limit=1000", "/ccaas/1/agents?limit=999", "/people/2/tags?limit=1000", "/people/2/customAttributes?limit=1000"},
		endpoints: map[string]func(*stage){"people": nil, "agents": nil, "accounts": nil, "tags": nil, "custom_attributes": nil},
		webhooks:  infobipWebhooks(),
	}
}

// person3 is known in every part.
var person3 = sim.Contact{Email: []sim.Email{{Address: "old@example.org"}}, Phone: []sim.Phone{{Number: "385990000003"}}}

// infobipSimulator has a person 3 and an agent 2 whose every attribute is
// known. Both are what an operation is about unless its case says otherwise.
func infobipSimulator(readings map[string]string) func(*stage) http.Handler {
	return func(s *stage) http.Handler {
		s.Helper()
		server := sim.New(sim.Options{Seed: 1, People: 5, Agents: 4, Unlimited: true, Now: epoch, Readings: readings})
		_, err := server.Change(3, func(p *sim.Person) {
			p.FirstName, p.LastName, p.ExternalID, p.Tags, p.Contact = "Bo", "Ek", "hr-3", []string{"Leaver"}, person3
		})
		if err == nil {
			_, err = server.Change(4, func(p *sim.Person) { p.Tags = []string{"Staff"} })
		}
		if err == nil {
			_, err = server.ChangeAgent(2, func(a *sim.Agent) {
				a.DisplayName, a.Role, a.Status, a.Enabled = "Bo Ek", "SUPERVISOR", "BUSY", false
			})
		}
		if err != nil {
			s.Fatal(err)
		}
		s.link = "3"
		return server
	}
}

func infobipStore(s *stage) *sim.Server { return s.api.(*sim.Server) }

// shown is what matters of a person.
func shown(p sim.Person) string {
	var contacts []string
	for _, e := range p.Contact.Email {
		contacts = append(contacts, e.Address)
	}
	for _, n := range p.Contact.Phone {
		contacts = append(contacts, n.Number)
	}
	return fmt.Sprintf("%s %s, %s, tags %v", p.FirstName, p.LastName, strings.Join(contacts, " "), p.Tags)
}

// third wants person 3 to be that.
func third(want string) operation {
	return operation{done: func(s *stage) string {
		p, err := infobipStore(s).Person(3)
		if err != nil {
			return err.Error()
		}
		return differs(shown(p), want)
	}}
}

// byGUID wants one person with the object's GUID to be that.
func byGUID(want string) operation {
	return operation{done: func(s *stage) string {
		p, err := infobipStore(s).Find("EXTERNAL_ID", fmt.Sprint(s.ad["objectGUID"]))
		if err != nil {
			return err.Error()
		}
		return differs(shown(p), want)
	}}
}

func thirdGone() operation {
	return operation{ends: true, done: func(s *stage) string {
		if p, err := infobipStore(s).Person(3); err == nil {
			return "it is still there: " + shown(p)
		}
		return ""
	}}
}

// named wants one with that name in a list, or none.
func named(path, list string, name func(*stage) any, want bool) operation {
	return operation{done: func(s *stage) string {
		return differs(with(records(s.do(http.MethodGet, path+"?limit=500", ""), list), "/name", fmt.Sprint(name(s))) != nil, want)
	}}
}

func (o operation) ending() operation {
	o.ends = true
	return o
}

func (o operation) prepared(f func(*stage)) operation {
	o.prepare = f
	return o
}

func (o operation) links(f func(*stage) string) operation {
	o.key = f
	return o
}

func agent(s *stage, n int64) sim.Agent {
	s.Helper()
	a, err := infobipStore(s).Agent(n)
	if err != nil {
		s.Fatal(err)
	}
	return a
}

func agent2(s *stage) { s.link = agent(s, 2).ID }

// second wants agent 2 to be that.
func second(name string, enabled bool) operation {
	return operation{prepare: agent2, done: func(s *stage) string {
		a := agent(s, 2)
		return differs(fmt.Sprint(a.DisplayName, " ", a.Role, a.Status, a.Enabled), fmt.Sprint(name, " ", "SUPERVISOR", "BUSY", enabled))
	}}
}

func cn(s *stage) any { return s.ad["cn"] }

func setting(name string) func(*stage) any { return func(s *stage) any { return s.settings[name] } }

func set(name, value string) func(*stage) { return func(s *stage) { s.settings[name] = value } }

func infobipWebhooks() map[string]operation {
	const mail, mobile = "ada.novak@example.org", "385991234567"
	made := byGUID("Ada Novák, " + mail + ", tags []")
	more := third("Ada Novák, old@example.org " + mail + " 385990000003, tags [Leaver]")
	return map[string]operation{
		"get_person": {reads: answers("/id", linked)},
		"create_person": made.links(func(s *stage) string {
			p, _ := infobipStore(s).Find("EXTERNAL_ID", fmt.Sprint(s.ad["objectGUID"]))
			return fmt.Sprint(p.ID)
		}),
		"update_person":              more,
		"replace_person":             made,
		"delete_person":              thirdGone(),
		"set_contact_information":    third("Bo Ek, " + mail + " " + mobile + ", tags [Leaver]"),
		"add_contact_information":    third("Bo Ek, old@example.org " + mail + " 385990000003 " + mobile + ", tags [Leaver]"),
		"remove_contact_information": third("Bo Ek, 385990000003, tags [Leaver]"),
		"batch_create":               made,
		"batch_update":               more,
		"batch_delete":               thirdGone(),
		"upsert_people":              byGUID("Ada Novák, , tags []"),
		"upsert_people_whole":        made,
		"create_tag":                 named("/people/2/tags", "/tags", cn, true).links(func(s *stage) string { return fmt.Sprint(cn(s)) }),
		"delete_tag":                 named("/people/2/tags", "/tags", func(*stage) any { return "Staff" }, false).prepared(func(s *stage) { s.link = "Staff" }).ending(),
		"add_tag":                    third("Bo Ek, old@example.org 385990000003, tags [Leaver Staff]"),
		"remove_tag":                 third("Bo Ek, old@example.org 385990000003, tags []").prepared(set("tag", "Leaver")),
		"create_custom_attribute":    named("/people/2/customAttributes", "/customAttributes", setting("custom_attribute"), true),
		"delete_custom_attribute":    named("/people/2/customAttributes", "/customAttributes", setting("custom_attribute"), false).prepared(set("custom_attribute", "Department")),
		"get_agent":                  {prepare: agent2, reads: answers("/id", linked)},
		"create_agent": {
			done: func(s *stage) string { return differs(agent(s, 5).DisplayName, s.ad["displayName"]) },
			key:  func(s *stage) string { return agent(s, 5).ID },
		},
		"update_agent":  second("Ada Novák", false),
		"enable_agent":  second("Bo Ek", true),
		"disable_agent": second("Bo Ek", false).prepared(func(s *stage) { agent2(s); s.enableAgent2() }),
	}
}

// enableAgent2 lets there be something to disable.
func (s *stage) enableAgent2() {
	s.Helper()
	if _, err := infobipStore(s).ChangeAgent(2, func(a *sim.Agent) { a.Enabled = true }); err != nil {
		s.Fatal(err)
	}
}
