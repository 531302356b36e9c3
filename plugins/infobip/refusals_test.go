//go:build !wasip1

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func webhook(t *testing.T, name string) abi.Webhook {
	t.Helper()
	w, ok := manifest(t).Webhook(name)
	if !ok {
		t.Fatalf("no webhook %s", name)
	}
	return w
}

// invoke delivers a webhook of the manifest for the first time.
func (s scene) invoke(t *testing.T, name string, v values, change ...func(*abi.Webhook)) error {
	t.Helper()
	w := render(t, webhook(t, name), v)
	for _, f := range change {
		f(&w)
	}
	_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: w})
	return err
}

func body(text string) func(*abi.Webhook) { return func(w *abi.Webhook) { w.Body = text } }

// A missing person is named, in every way in which Infobip may report it.
func TestUnknownPersonIsTold(t *testing.T) {
	for _, reading := range []string{"404", "400", "200"} {
		for _, name := range []string{"update_person", "add_contact_information", "remove_contact_information", "add_tag", "delete_person", "replace_person", "batch_update", "batch_delete"} {
			if reading == "200" && (name == "delete_person" || name == "replace_person") {
				continue // the answer does not tell
			}
			s := newOperations(t, map[string]string{"unknown_person": reading})
			err := s.invoke(t, name, about("99"))
			fails(t, err, abi.KindConfig, webhook(t, name).Path[:9])
			if text := err.Error(); !strings.Contains(text, "no such person") && !strings.Contains(text, "no person matching the query") {
				t.Errorf("%s: %s: %s", reading, name, text)
			}
		}
	}
}

func TestUnknownAgentIsTold(t *testing.T) {
	for _, reading := range []string{"404", "400"} {
		for _, name := range []string{"get_agent", "update_agent", "disable_agent"} {
			s := newOperations(t, map[string]string{"unknown_agent": reading})
			fails(t, s.invoke(t, name, about(strings.Repeat("A", 32))), abi.KindConfig, "/ccaas/1/agents/AAAA", "Infobip has no such agent")
		}
	}
}

// A delivery that is not safe is refused before anything is sent.
func TestRefusedBeforeItIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		webhook string
		change  func(*abi.Webhook)
		message []string
	}{
		"upsert with tags":           {"upsert_people", body(`{"persons":[{"externalId":"x","tags":["a"]}]}`), []string{"person 0", "batch_update", "upsert_people_whole"}},
		"upsert with contacts":       {"upsert_people", body(`{"persons":[{"externalId":"x"},{"externalId":"y","contactInformation":[]}]}`), []string{"person 1", "does not say"}},
		"upsert without an id":       {"upsert_people_whole", body(`{"persons":[{"firstName":"Bo"}]}`), []string{"person 0", "no externalId"}},
		"batch without an id":        {"batch_create", body(`{"people":[{"externalId":"x"},{"firstName":"Bo","contactInformation":{"email":[]}}]}`), []string{"person 1", "twice"}},
		"batch without people":       {"batch_update", body(`{"people":[]}`), []string{"must be a list of people"}},
		"batch with an object":       {"batch_create", body(`{"people":{}}`), []string{"people of the body"}},
		"batch without a query":      {"batch_update", body(`{"people":[{"update":{"tags":["a"]}}]}`), []string{"whom it is about"}},
		"tags that are no list":      {"update_person", body(`{"tags":"Staff"}`), []string{"tags of the body"}},
		"contacts that are a list":   {"update_person", body(`{"contactInformation":[{"type":"EMAIL"}]}`), []string{"contactInformation of the body"}},
		"a body that is no object":   {"update_person", body(`[1]`), []string{"not a JSON object"}},
		"null as a body":             {"add_contact_information", body(`null`), []string{"not a JSON object"}},
		"a person without a type":    {"update_person", func(w *abi.Webhook) { w.Params = map[string]string{"email": "old@example.org"} }, []string{"type", "identifier"}},
		"an agent that is no object": {"update_agent", body(`"x"`), []string{"not a JSON object"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOperations(t, nil)
			fails(t, s.invoke(t, c.webhook, about("3"), c.change), abi.KindConfig, append(c.message, "nothing was sent")...)
			for _, r := range s.requests() {
				if !strings.HasPrefix(r, "GET ") {
					t.Errorf("sent: %s", r)
				}
			}
		})
	}
}

// Two agents of one name cannot be told apart.
func TestAgentOfTheSameNameIsNotTaken(t *testing.T) {
	s := newOperations(t, nil)
	v := about("")
	v["macros.display_name"] = "bo ek"
	fails(t, s.invoke(t, "create_agent", v), abi.KindConfig, "there is an agent", agent(t, s, 2).ID, "another display name")
	v["macros.display_name"] = "Bo" // a part of a name is no name
	if err := s.invoke(t, "create_agent", v); err != nil {
		t.Error(err)
	}
}

// Infobip refuses a contact that belongs to somebody else, and the message says
// so.
func TestContactOfSomebodyElse(t *testing.T) {
	for _, reading := range []string{"409", "400"} {
		s := newOperations(t, map[string]string{"duplicate": reading})
		v := about("4")
		v["ad.mail"] = "OLD@example.org"
		for _, name := range []string{"create_person", "update_person", "replace_person"} {
			err := s.invoke(t, name, v)
			fails(t, err, abi.KindConfig, "answered "+reading, "already exists", "one person only")
		}
		s.host.Retry = abi.RetryLimits{Attempts: 1}
		fails(t, s.invoke(t, "create_person", v), abi.KindConfig, "already exists", "one person only")
		err := s.invoke(t, "batch_create", v)
		fails(t, err, abi.KindConfig, "1 of 1 people", "person 0 (externalId", "already exists")
	}
}

// Data that a person has already is not sent again, however it is written.
func TestNothingPilesUp(t *testing.T) {
	for _, reading := range []string{"once", "twice", "refused"} {
		s := newOperations(t, map[string]string{"append_existing": reading})
		same := `{"firstName":"Ada","tags":["Leaver"],"contactInformation":{"email":[{"address":"OLD@Example.org"}],"phone":[{"number":"+385 99 000 0003"}]}}`
		for _, c := range []struct{ name, body string }{
			{"update_person", same},
			{"update_person", strings.Replace(same, `"firstName":"Ada",`, "", 1)},
			{"add_contact_information", strings.Replace(same, `"firstName":"Ada","tags":["Leaver"],`, "", 1)},
			{"batch_update", `{"people":[{"query":{"type":"EMAIL","identifier":"old@example.org"},"update":` + same + `}]}`},
			{"batch_update", `{"people":[{"query":{"type":"PHONE","identifier":"385990000003"},"update":{"tags":["Leaver","Leaver"]}}]}`},
		} {
			if err := s.invoke(t, c.name, about("3"), body(c.body)); err != nil {
				t.Fatalf("%s: %s: %v", reading, c.name, err)
			}
			p := s.person(t, 3)
			if got := p.FirstName + emails(p) + phones(p) + strings.Join(p.Tags, ""); got != "Adaold@example.org385990000003Leaver" {
				t.Errorf("%s: %s: %s", reading, c.name, got)
			}
		}
	}
}

// When a part of a batch fails, the message names that part, whatever its
// status.
func TestPartOfABatchFails(t *testing.T) {
	for _, status := range []string{"207", "200"} {
		for _, shown := range []string{"failed", "all"} {
			s := newOperations(t, map[string]string{"batch_status": status, "batch_results": shown})
			err := s.invoke(t, "batch_update", about("3"), body(`{"people":[{"query":{"type":"ID","identifier":"3"},"update":{"firstName":"Ada"}},`+
				`{"query":{"type":"EXTERNAL_ID","identifier":"x"},"update":{"firstName":"B"}},{"query":{"type":"PHONE","identifier":"1"},"update":{"firstName":"C"}},`+
				`{"query":{"type":"PHONE","identifier":"2"},"update":{"firstName":"D"}},{"query":{"type":"PHONE","identifier":"3"},"update":{"firstName":"E"}}]}`))
			fails(t, err, abi.KindConfig, "answered "+status, "4 of", `EXTERNAL_ID "x": "There is no person matching the query"`, "and 1 more")
			if s.person(t, 3).FirstName != "Ada" {
				t.Error("the others were not changed")
			}
		}
	}
	s := newOperations(t, nil)
	err := s.invoke(t, "upsert_people_whole", about("3"), body(`{"persons":[{"externalId":"a"},{"externalId":"b","contactInformation":[{"type":"EMAIL","identifier":"no"}]}]}`))
	fails(t, err, abi.KindConfig, "answered 207", "1 of 2 people", `person 1 (externalId "b")`, "contactInformation[0].identifier")
	err = s.invoke(t, "batch_delete", about("3"), body(`{"people":[{"query":{"type":"ID","identifier":"99"}}]}`))
	fails(t, err, abi.KindConfig, `ID "99"`, "no person matching")
}

// Infobip's words reach the operator, from each of its envelopes.
func TestWhatInfobipSaysIsTold(t *testing.T) {
	for name, c := range map[string]struct{ path, body, message string }{
		"validation": {"/people/2/persons", `{"gender":"X"}`, `"gender:`},
		"version 3":  {"/people/3/persons/upsert", `{"persons":[{"externalId":"x","nope":1}]}`, "nope"},
		"agents":     {"/ccaas/1/agents/" + strings.Repeat("A", 31), `{"enabled":true}`, "Invalid agent id given"},
	} {
		s := newOperations(t, nil)
		method := map[string]string{"validation": http.MethodPost, "version 3": http.MethodPut, "agents": http.MethodPut}[name]
		w := abi.Webhook{Name: "own", Method: method, Path: c.path, MessageType: abi.MessageJSON, Body: c.body}
		_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: w})
		fails(t, err, abi.KindConfig, c.path, c.message)
	}
	h := lists(t, `{"errorCode":"E400","description":"No good.","action":"Look.","violations":[{"property":"limit","violation":"too much"}]}`)
	h.Client = &http.Client{Transport: status(400)}
	fails(t, h.Fetch(connector(), endpoint(t, "accounts")), abi.KindBadResponse, "answered 400", `"No good."`, `"Look."`, `"limit: too much"`, `"E400"`)
}

// status gives every answer a status.
type status int

func (s status) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.StatusCode = int(s)
	}
	return resp, err
}

// A race: somebody creates the person between the look and the create. The
// second look finds the person.
func TestCreateThatSomebodyElseIsFasterWith(t *testing.T) {
	s := newOperations(t, nil)
	s.host.Client.Transport = raced{s.host.Client.Transport, func() {
		if _, err := s.sim.Add(sim.Person{ExternalID: guid}); err != nil {
			t.Log(err) // only the first time
		}
	}}
	answer, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, webhook(t, "create_person"), about(""))})
	if err != nil || answer.LinkKey != "6" || s.sim.Count().People != 6 {
		t.Errorf("%v, key %s, %d people", err, answer.LinkKey, s.sim.Count().People)
	}
}

type raced struct {
	http.RoundTripper
	before func()
}

func (r raced) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost {
		r.before()
	}
	return r.RoundTripper.RoundTrip(req)
}
