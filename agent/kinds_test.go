package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
	ibsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// contacts is a data source and an automation that read the contacts of the same
// application as the staff.
const contacts = `[data_sources.contacts]
category    = "lifecycle"
application = "pipedrive"
endpoints   = ["persons"]
primary_key = "id"
where       = "user.id <= 3"
[data_sources.contacts.attributes]
displayName       = "Contact {{ user.id }}"
sAMAccountName    = { value = "contact{{ user.id }}", apply = "create" }
userPrincipalName = { value = "contact{{ user.id }}@ad.test", apply = "create" }

[automations.contacts]
data_source = "contacts"
action      = "lifecycle"
ou          = "OU=Staff,DC=ad,DC=test"
match       = ["sAMAccountName"]
missing     = { action = "disable" }

[automations.staff]`

// spaces lists the links as rollcall link list names them.
func (w *world) spaces(args ...string) map[string]ident.Link {
	w.Helper()
	var list []ident.Link
	if err := json.Unmarshal([]byte(w.want(0, append([]string{"--output", "json", "link", "list"}, args...)...).stdout), &list); err != nil {
		w.Fatal(err)
	}
	byAnchor := map[string]ident.Link{}
	for _, l := range list {
		byAnchor[ident.Anchor(l.Space(), l.Key)] = l
	}
	return byAnchor
}

// serve lets another simulator answer for the application.
func (w *world) serve(with *sim.Server) {
	w.sim = with
	w.front.Store(&gateway{with})
}

// TestUsersAndContactsWithTheSameIDs: one application, two data sources, the ids
// 1, 2 and 3 in both. Nobody is taken for somebody else.
func TestUsersAndContactsWithTheSameIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[automations.staff]", contacts)
	w.serve(sim.New(sim.Options{Seed: 1, People: 3, Persons: 10, Unlimited: true}))
	w.apply(0)
	w.want(0, "apply", "contacts")
	want := []string{"pipedrive/person:1", "pipedrive/person:2", "pipedrive/person:3", "pipedrive:1", "pipedrive:2", "pipedrive:3"}
	accounts := w.accounts()
	if got := slices.Sorted(maps.Keys(accounts)); !slices.Equal(got, want) {
		t.Fatalf("accounts of %v", got)
	}
	links := w.spaces()
	for anchor, e := range accounts {
		if links[anchor].GUID != e.GUID {
			t.Errorf("%s is linked to %s, and %s carries the anchor", anchor, links[anchor].GUID, e.GUID)
		}
		if is := strings.HasPrefix(e.Attributes.First("displayName"), "Contact "); is != strings.Contains(anchor, "/person:") {
			t.Errorf("the account of %s is %s", anchor, e.DN)
		}
	}
	if got := slices.Sorted(maps.Keys(w.spaces("pipedrive/person"))); !slices.Equal(got, want[:3]) {
		t.Errorf("links of contacts: %v", got)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, w.api.URL+"/api/v2/persons/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-api-token", "sim-api-token")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	w.apply(0)
	w.want(0, "apply", "contacts")
	for anchor, e := range w.accounts() {
		if disabled(e) != (anchor == "pipedrive/person:1") {
			t.Errorf("%s is disabled: %v", anchor, disabled(e))
		}
	}

	if a := w.want(2, "link", "remove", "pipedrive/persom", "2"); !strings.Contains(a.stderr, "link remove pipedrive/person 2") {
		t.Errorf("a kind that is misspelled: %s", a.stderr)
	}
	w.want(0, "link", "remove", "pipedrive/person", "2")
	if left := w.spaces(); len(left) != 5 || left["pipedrive:2"].GUID != accounts["pipedrive:2"].GUID {
		t.Errorf("left: %v", slices.Sorted(maps.Keys(left)))
	}
}

// withInfobip adds the application infobip, and a connector for it, to a world.
func withInfobip(t *testing.T, w *world, with *ibsim.Server, replace ...string) {
	t.Helper()
	api := httptest.NewServer(with)
	t.Cleanup(api.Close)
	w.write("infobip_key", "sim-api-key")
	w.configure(append([]string{build().modules, w.bothConnectors(), "[data_sources.pipedrive_staff]", fmt.Sprintf(`[applications.infobip]
connector = "infobip"
base_url  = %q
auth      = "api_key"
api_key   = "@{file:%s/infobip_key}"

[data_sources.pipedrive_staff]`, api.URL, w.dir)}, replace...)...)
}

// TestCreatesAreNotRepeated: both applications carry a create out and the answer
// is lost, and so are the first looks at whether it happened. In the end each has
// one person more, and the account is linked to it; an automation that reads
// these people finds the account by that link.
func TestCreatesAreNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	contact, people := sim.New(sim.Options{Seed: 1, People: 1, Persons: 1, Unlimited: true}), ibsim.New(ibsim.Options{Seed: 1, People: 1, Unlimited: true})
	w.serve(contact)
	if _, err := contact.Change(1, func(u *sim.User) { u.Email = sim.Some("ada@ad.test") }); err != nil { // or the contact 1 would be taken as found
		t.Fatal(err)
	}
	withInfobip(t, w, people, "[automations.staff]", orchestration+contacts+`
after = { created = "joined" }`)
	for _, err := range []error{
		contact.AddFault(sim.Fault{Kind: sim.Lost, Route: "v2/persons", Method: http.MethodPost, Times: 1}),
		contact.AddFault(sim.Fault{Kind: sim.Lost, Route: "v2/persons/search", Skip: 1, Times: 6}),
		people.AddFault(ibsim.Fault{Kind: ibsim.Lost, Route: "persons", Method: http.MethodPost, Times: 1}),
		people.AddFault(ibsim.Fault{Kind: ibsim.Lost, Route: "persons", Method: http.MethodGet, Skip: 1, Times: 6}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d := w.start()
	w.apply(0)
	soak.Await(t, "the account is a person of both applications", func() bool { return len(w.spaces()) == 3 })
	d.stop()
	if contact.Persons() != 2 || people.Count().People != 2 {
		t.Fatalf("%d contacts and %d people, want one more than before", contact.Persons(), people.Count().People)
	}
	links := w.spaces()
	account := links["pipedrive:1"].GUID
	for anchor, l := range links {
		made := l.Orchestration == "joined" && l.Automation == "" && l.Origin == ident.OriginOutbound
		if l.GUID != account || made != strings.Contains(anchor, "/person:") {
			t.Errorf("%s: %+v", anchor, l)
		}
	}

	// The contact 2 is the person who has the account already.
	w.want(0, "apply", "contacts")
	if all := w.accounts(); len(all) != 2 || all["pipedrive:1"].GUID != account || all["pipedrive/person:1"].GUID == "" {
		t.Errorf("accounts: %v", slices.Sorted(maps.Keys(all)))
	}
	if l := w.spaces()["pipedrive/person:2"]; l.GUID != account || l.Orchestration != "joined" {
		t.Errorf("the link of the orchestration is %+v", l)
	}
}

// orchestration makes the object of a change a person of both applications.
const orchestration = `[orchestrations.joined]
[[orchestrations.joined.steps]]
name    = "contact"
webhook = "pipedrive/create_person"
if      = "link == null"
retry   = { attempts = 9, backoff = "1s", max = "1s" }
[[orchestrations.joined.steps]]
name    = "again"
webhook = "pipedrive/create_person"
if      = "link == null"
[[orchestrations.joined.steps]]
name    = "person"
webhook = "infobip/create_person"
if      = 'link == null && links["pipedrive/person"] != null && links.pipedrive.key != links["pipedrive/person"].key'
retry   = { attempts = 9, backoff = "1s", max = "1s" }

`
