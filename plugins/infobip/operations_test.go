//go:build !wasip1

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// values maps the expressions of a webhook's templates to their values.
type values map[string]string

const (
	guid     = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	contacts = `{"contactInformation": {"email": [{"address": ad.mail}], "phone": is_empty(ad.mobile) ? [] : [{"number": only_digits(ad.mobile)}]}}`
)

// about is a user of AD with the name Ada Novak, linked to that key.
func about(key string) values {
	return values{
		"link.key": key, "ad.objectGUID": guid, "ad.cn": "Sales & Co", "ad.mail": "Ada.Novak@new.example.org", "old.mail": "old@example.org",
		"macros.first_name": "Ada", "macros.last_name": "Novak", "macros.display_name": "Ada Q. Novak",
		"settings.tag": "Staff", "settings.custom_attribute": "Cost centre", "settings.custom_attribute_type": "STRING", "settings.agent_role": "AGENT",
		contacts: `{"contactInformation": {"email": [{"address": "Ada.Novak@new.example.org"}], "phone": [{"number": "385991234567"}]}}`,
	}
}

var expression = regexp.MustCompile(`\{\{ (.*?) \}\}`)

// render puts values into a webhook of the manifest. The agent's own renderer
// evaluates and escapes; here each expression has its value in a table.
func render(t *testing.T, w abi.Webhook, v values) abi.Webhook {
	t.Helper()
	escape := strings.NewReplacer(" ", "%20", "&", "%26")
	text := func(s string, path bool) string {
		if whole, ok := v[strings.TrimSuffix(strings.TrimPrefix(s, "{{ "), " }}")]; ok && strings.HasPrefix(s, "{{ ") {
			return whole
		}
		return expression.ReplaceAllStringFunc(s, func(m string) string {
			value, ok := v[strings.TrimSuffix(strings.TrimPrefix(m, "{{ "), " }}")]
			if !ok {
				t.Errorf("%s: no value for %s", w.Name, m)
			}
			if path {
				value = escape.Replace(value)
			}
			return value
		})
	}
	table := func(m map[string]string) map[string]string {
		out := map[string]string{}
		for k, s := range m {
			out[k] = text(s, false)
		}
		return out
	}
	w.Path, w.Body, w.Params = text(w.Path, true), text(w.Body, false), table(w.Params)
	if w.Verify != nil {
		verify := *w.Verify
		verify.Path, verify.Params, verify.Match = text(verify.Path, true), table(verify.Params), table(verify.Match)
		w.Verify = &verify
	}
	return w
}

// operation says how to try one webhook.
type operation struct {
	about func(*testing.T, scene) values // nil: person 3
	done  func(*testing.T, scene) string // "" when it succeeded
	key   func(*testing.T, scene) string // the link that it makes
	only  bool                           // it reads only
}

func person3(*testing.T, scene) values { return about("3") }

// want compares what exists with what is wanted.
func want(got, wanted string) string {
	if got == wanted {
		return ""
	}
	return fmt.Sprintf("got %q, want %q", got, wanted)
}

// made returns the person who has the object's GUID.
func made(t *testing.T, s scene) (sim.Person, string) {
	t.Helper()
	p, err := s.sim.Find("EXTERNAL_ID", guid)
	if err != nil {
		return p, err.Error()
	}
	return p, ""
}

func madeDone(mails string) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		p, problem := made(t, s)
		if problem != "" {
			return problem
		}
		return want(p.FirstName+" "+p.LastName+" "+emails(p), "Ada Novak "+mails)
	}
}

func madeKey(t *testing.T, s scene) string {
	p, _ := made(t, s)
	return fmt.Sprint(p.ID)
}

func contactsOf3(mails, numbers string) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		p := s.person(t, 3)
		return want(emails(p)+" / "+phones(p), mails+" / "+numbers)
	}
}

func named3(mails string) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		p := s.person(t, 3)
		return want(p.FirstName+" "+p.LastName+" "+emails(p), "Ada Novak "+mails)
	}
}

func gone3(_ *testing.T, s scene) string {
	if _, err := s.sim.Person(3); err == nil {
		return "person 3 is still there"
	}
	return ""
}

func inTags(name string, there bool) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		return want(fmt.Sprint(strings.Contains(s.get(t, "/people/2/tags?limit=1000"), `"`+name+`"`)), fmt.Sprint(there))
	}
}

func inAttributes(name string, there bool) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		return want(fmt.Sprint(strings.Contains(s.get(t, "/people/2/customAttributes?limit=1000"), `"`+name+`"`)), fmt.Sprint(there))
	}
}

func agent(t *testing.T, s scene, n int64) sim.Agent {
	t.Helper()
	a, err := s.sim.Agent(n)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func agent2(t *testing.T, s scene) values { return about(agent(t, s, 2).ID) }

// agent2Is checks that only the name and the state of agent 2 have changed.
func agent2Is(name string, enabled bool) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		a := agent(t, s, 2)
		return want(fmt.Sprint(a.DisplayName, a.Role, a.Status, a.Enabled), fmt.Sprint(name, "SUPERVISOR", "BUSY", enabled))
	}
}

const newMail = "Ada.Novak@new.example.org"

func operations() map[string]operation {
	nothing := func(*testing.T, scene) string { return "" }
	return map[string]operation{
		"get_person":                 {done: nothing, only: true},
		"create_person":              {done: madeDone(newMail), key: madeKey},
		"update_person":              {done: named3("old@example.org " + newMail)},
		"replace_person":             {done: madeDone(newMail)},
		"delete_person":              {done: gone3},
		"set_contact_information":    {done: contactsOf3(newMail, "385991234567")},
		"add_contact_information":    {done: contactsOf3("old@example.org "+newMail, "385990000003 385991234567")},
		"remove_contact_information": {done: contactsOf3("", "385990000003")},
		"batch_create":               {done: madeDone(newMail)},
		"batch_update":               {done: named3("old@example.org " + newMail)},
		"batch_delete":               {done: gone3},
		"upsert_people":              {done: madeDone("")},
		"upsert_people_whole":        {done: madeDone(newMail)},
		"create_tag":                 {done: inTags("Sales & Co", true), key: func(*testing.T, scene) string { return "Sales & Co" }},
		"delete_tag":                 {about: func(*testing.T, scene) values { return about("Staff") }, done: inTags("Staff", false)},
		"add_tag": {done: func(t *testing.T, s scene) string {
			return want(strings.Join(s.person(t, 3).Tags, ","), "Leaver,Staff")
		}},
		"remove_tag": {
			about: func(*testing.T, scene) values {
				v := about("3")
				v["settings.tag"] = "Leaver"
				return v
			},
			done: func(t *testing.T, s scene) string { return want(strings.Join(s.person(t, 3).Tags, ","), "") },
		},
		"create_custom_attribute": {done: inAttributes("Cost centre", true)},
		"delete_custom_attribute": {
			about: func(*testing.T, scene) values {
				v := about("3")
				v["settings.custom_attribute"] = "Department"
				return v
			},
			done: inAttributes("Department", false),
		},
		"get_agent": {about: agent2, done: nothing, only: true},
		"create_agent": {
			done: func(t *testing.T, s scene) string {
				if n := s.sim.Count().Agents; n != 5 {
					return fmt.Sprintf("%d agents", n)
				}
				return want(agent(t, s, 5).DisplayName, "Ada Q. Novak")
			},
			key: func(t *testing.T, s scene) string { return agent(t, s, 5).ID },
		},
		"update_agent":  {about: agent2, done: agent2Is("Ada Q. Novak", false)},
		"enable_agent":  {about: agent2, done: agent2Is("Bo Ek", true)},
		"disable_agent": {about: agent2, done: agent2Is("Bo Ek", false)},
	}
}

// newOperations is a scene with a person 3 and an agent 2 whose every
// attribute is known.
func newOperations(t *testing.T, readings map[string]string) scene {
	t.Helper()
	s := newScene(t, sim.Options{Seed: 1, People: 5, Agents: 4, Unlimited: true, Readings: readings})
	_, err := s.sim.Change(3, func(p *sim.Person) {
		p.FirstName, p.LastName, p.ExternalID, p.Tags = "Bo", "Ek", "hr-3", []string{"Leaver"}
		p.Contact = sim.Contact{Email: []sim.Email{{Address: "old@example.org"}}, Phone: []sim.Phone{{Number: "385990000003"}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sim.Change(4, func(p *sim.Person) { p.Tags = []string{"Staff"} }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sim.ChangeAgent(2, func(a *sim.Agent) {
		a.DisplayName, a.Role, a.Status, a.Enabled = "Bo Ek", "SUPERVISOR", "BUSY", false
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// try delivers a webhook twice, and may lose the first answer.
func (o operation) try(t *testing.T, w abi.Webhook, readings map[string]string, lost bool) {
	t.Helper()
	s := newOperations(t, readings)
	if o.about == nil {
		o.about = person3
	}
	v := o.about(t, s)
	before := s.state(t)
	if lost {
		s.fault(t, sim.Fault{Kind: sim.Lost, Method: w.Method, Times: 1})
	}
	var keys []string
	for again := range 2 {
		s.host.Retry = abi.RetryLimits{Attempts: 1}
		answer, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, w, v), Again: again > 0})
		if lost && again == 0 {
			fails(t, err, abi.KindUnavailable, w.Method)
		} else if err != nil {
			t.Fatalf("delivery %d: %v\n%s", again+1, err, strings.Join(s.requests(), "\n"))
		} else {
			keys = append(keys, answer.LinkKey)
			if answer.Status > 299 {
				t.Errorf("delivery %d: the host takes no answer with status %d", again+1, answer.Status)
			}
		}
		if problem := o.done(t, s); problem != "" {
			t.Fatalf("delivery %d: %s\n%s", again+1, problem, strings.Join(s.requests(), "\n"))
		}
		if again == 0 && !o.only {
			before = s.state(t)
		}
	}
	if after := s.state(t); after != before {
		t.Errorf("the second delivery changed\n%s\ninto\n%s", before, after)
	}
	for _, key := range keys {
		if o.key != nil && key != o.key(t, s) {
			t.Errorf("keys %v, want %s", keys, o.key(t, s))
		}
	}
}

func TestEveryWebhook(t *testing.T) {
	all := operations()
	for _, w := range manifest(t).Webhooks {
		o, ok := all[w.Name]
		if !ok {
			t.Errorf("webhook %s has no case", w.Name)
			continue
		}
		delete(all, w.Name)
		t.Run(w.Name, func(t *testing.T) { o.try(t, w, nil, false) })
		t.Run(w.Name+"/lost", func(t *testing.T) { o.try(t, w, nil, true) })
	}
	for name := range all {
		t.Errorf("there is no webhook %s", name)
	}
}

// Where the documentation is open, every operation must work with either
// meaning.
func TestEveryWebhookWithEveryReading(t *testing.T) {
	all, m := operations(), manifest(t)
	for _, r := range soak.Some(t, 6, sim.Readings()) {
		for _, value := range r.Values {
			if value == r.Default() {
				continue
			}
			t.Run(r.Name+"="+value, func(t *testing.T) {
				for _, w := range m.Webhooks {
					for _, lost := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s lost=%v", w.Name, lost), func(t *testing.T) {
							all[w.Name].try(t, w, map[string]string{r.Name: value}, lost)
						})
					}
				}
			})
		}
	}
}
