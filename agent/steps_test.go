package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	infobipsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
)

const fetched = `[applications.infobip]
connector = "infobip"
auth = "api_key"
base_url = "INFOBIP"
api_key = "@{file:DIR/infobip_key}"
[webhooks.details]
from = "infobip/get_person"
params = { type = "EMAIL", identifier = "{{ ad.mail }}" }
[orchestrations.joined]
limits = { disable = 0 }
[[orchestrations.joined.steps]]
name = "person"
webhook = "details"
retry = { attempts = 1 }
[[orchestrations.joined.steps]]
name = "sync"
directory = { action = "update", attributes = { mobile = "+{{ steps.person.response.contactInformation.phone[0].number }}", department = "{{ steps.person.response.city }}, {{ steps.person.response.country }}" } }
[[orchestrations.joined.steps]]
name = "off"
directory = { action = "disable" }
[automations.staff]
after = { created = "joined" }`

// TestDetailsAreFetched: details from Infobip are synchronized with AD, with old and
// new value in the journal. Who is not there, and a value that is too long, concern
// one person; what exceeds a limit waits for a person.
func TestDetailsAreFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	infobip := newFront(t, infobipsim.New(infobipsim.Options{Seed: 1, Unlimited: true}))
	w.write("infobip_key", "sim-api-key")
	w.configure(build().modules, w.bothConnectors(), "[automations.staff]", strings.NewReplacer("INFOBIP", infobip.URL, "DIR", w.dir).Replace(fetched))
	for id, city := range map[int64]string{1: "Support", 2: strings.Repeat("x", 45)} { // the third is not there
		u, err := w.sim.User(id)
		must(t, err)
		body := `{"city": "` + city + `", "country": "` + city + `", "contactInformation": {"email": [{"address": "` + strings.ToLower(u.Email.Value) + `"}], "phone": [{"number": "44770090000` + strconv.FormatInt(id, 10) + `"}]}}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, infobip.URL+"/people/2/persons", strings.NewReader(body))
		must(t, err)
		r.Header.Set("Authorization", "App sim-api-key")
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
			t.Fatal(answer.Status)
		}
	}
	run := strconv.FormatInt(w.apply(0).ID, 10)
	w.want(0, "run", "--once")
	list := w.want(0, "orchestrations").stdout
	for _, want := range []string{
		"limits.disable of orchestration joined is 0: 0 in 24 hours may be made, 0 were, and this step makes 1: disable of CN=",
		`department: "` + strings.Repeat("x", 45) + ", " + strings.Repeat("x", 13) + `"... is longer than 64 characters`, "rollcall approve " + run,
	} {
		if !strings.Contains(strings.Join(strings.Fields(list), " "), want) {
			t.Errorf("orchestrations does not say %q:\n%s", want, list)
		}
	}
	w.want(0, "approve", run)
	w.want(0, "run", "--once")
	of := func(id int64) ident.Entry {
		u, err := w.sim.User(id)
		must(t, err)
		found := w.dc.Find(t, "(mail="+strings.ToLower(u.Email.Value)+")", "mobile", "department", "userAccountControl")
		if len(found) != 1 {
			t.Fatalf("%d accounts of %s", len(found), u.Email.Value)
		}
		return found[0]
	}
	if e := of(1); e.Attributes.First("mobile") != "+447700900001" || e.Attributes.First("department") != "Support, Support" || !disabled(e) {
		t.Errorf("%+v", e)
	}
	for id := int64(2); id <= 3; id++ {
		if e := of(id); e.Attributes.First("mobile") != "" || disabled(e) {
			t.Errorf("%+v", e)
		}
	}
	journal := w.want(0, "journal", "export").stdout
	for _, want := range []string{`"name":"mobile","old":null,"new":["+447700900001"]`, `"step":"sync"`, `"step":"off"`} {
		if !strings.Contains(strings.ReplaceAll(journal, `\"`, `"`), want) {
			t.Errorf("the journal does not have %s", want)
		}
	}
	w.want(0, "runs", run)
	w.want(0, "journal", "verify")
}
