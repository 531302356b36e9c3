package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	infobipsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
)

// floodedWays connects AD with both applications in both directions: people come
// from Pipedrive and appear in Infobip; their city is kept in Infobip and in AD;
// whether they work here is kept in Pipedrive and in AD.
const floodedWays = `
[applications.infobip]
connector = "infobip"
auth      = "api_key"
api_key   = "@{file:INFOBIP_KEY}"
base_url  = "INFOBIP_URL"

[data_sources.cities]
category    = "update"
application = "infobip"
endpoints   = ["people"]
primary_key = "id"
[data_sources.cities.attributes]
l = { value = "{{ user.city }}", authoritative = "directory" } # what somebody writes in AD stays, and goes to Infobip

[automations.cities]
data_source = "cities"
action      = "update"
limits      = { update = 1000000, start = 1000000 }

[webhooks.tell_name]
from = "infobip/update_person"
body = '{"firstName": "{{ ad.displayName }}"}'
[webhooks.tell_city]
from = "infobip/update_person"
body = '{"city": "{{ ad.l }}"}'
[webhooks.tell_state]
from = "infobip/update_person"
body = '{"address": "{{ ad.disabled ? "left" : "here" }}"}'

[orchestrations.joined]
steps = [{ webhook = "infobip/create_person", if = 'link == null' }]
[orchestrations.named]
steps = [{ webhook = "tell_name", if = 'link != null' }]
[orchestrations.moved]
steps = [{ webhook = "tell_city", if = 'link != null && ad.l != null' }]
[orchestrations.state]
[[orchestrations.state.steps]]
webhook = "pipedrive/deactivate_user"
if      = 'link != null && ad.disabled'
[[orchestrations.state.steps]]
webhook = "pipedrive/activate_user"
if      = 'link != null && !ad.disabled'
[[orchestrations.state.steps]]
webhook = "tell_state"
if      = 'link != null'

[automations.on_created]
trigger = "directory"
on      = ["created"]
base    = "OU=Staff,DC=ad,DC=test"
orchestration = "joined"
limits  = { start = 1000000 }
[automations.on_name]
trigger = "directory"
on      = ["modified(displayName)"]
orchestration = "named"
limits  = { start = 1000000 }
[automations.on_city]
trigger = "directory"
on      = ["modified(l)"]
orchestration = "moved"
limits  = { start = 1000000 }
[automations.on_state]
trigger = "directory"
on      = ["disabled", "enabled"]
orchestration = "state"
limits  = { start = 1000000 }

# Two that feed each other.` + feedEachOther

// The groups of people by what happens to them.
const (
	cityThere  = "city, at Infobip"
	cityHere   = "city, in AD"
	cityBoth   = "city, at both at once"
	nameThere  = "name, at Pipedrive"
	leftThere  = "deactivated at Pipedrive"
	leftHere   = "disabled in AD"
	unaffected = "nothing"
)

var groupsOfPeople = []string{cityThere, cityHere, cityBoth, nameThere, leftThere, leftHere, unaffected}

// someone is a person on all sides.
type someone struct {
	group  string
	user   int64 // at Pipedrive
	person int64 // at Infobip
	guid   ident.GUID
	dn     ident.DN
	last   string // value that was set last, by people of one side only

	changes int // by people
	there   int // requests of the agent about the person at Infobip that are not a list
	back    int // writes of the agent about the user at Pipedrive
}

// flood is a world with both applications, whose requests are counted.
type flood struct {
	*world
	infobip *infobipsim.Server
	people  []*someone

	mu       sync.Mutex
	atPerson map[string]int // requests about one person, by the person's id
	atUser   map[string]int // writes, by the path
}

func newFlood(t *testing.T, people int) *flood {
	t.Helper()
	f := &flood{atPerson: map[string]int{}, atUser: map[string]int{}}
	f.infobip = infobipsim.New(infobipsim.Options{Seed: 1, Unlimited: true})
	api := httptest.NewServer(http.HandlerFunc(f.countInfobip))
	t.Cleanup(api.Close)
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("sim-api-key"), 0o600))
	conf := strings.NewReplacer("INFOBIP_KEY", key, "INFOBIP_URL", api.URL).Replace(floodedWays)
	f.world = newWorld(t, people, build().modules, floodModules(t), "[automations.staff]", conf,
		`disable = "5%"`, `disable = 1000000, update = 1000000, rename = 1000000, start = 1000000, source_shrink = "100%"`)
	f.front.Store(&gateway{http.HandlerFunc(f.countPipedrive)})
	return f
}

// floodModules is a folder with the connectors of both applications.
func floodModules(t *testing.T) string {
	t.Helper()
	if err := build().err; err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	must(t, os.Symlink(filepath.Join(build().modules, "pipedrive.wasm"), filepath.Join(dir, "pipedrive.wasm")))
	_, err := connector.Build(t.Context(), "../plugins/infobip", filepath.Join(dir, "infobip.wasm"), t.Output())
	must(t, err)
	return dir
}

func (f *flood) countInfobip(to http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("identifier"); id != "" && r.URL.Query().Get("type") == "ID" {
		f.mu.Lock()
		f.atPerson[id]++
		f.mu.Unlock()
	}
	f.infobip.ServeHTTP(to, r)
}

func (f *flood) countPipedrive(to http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.mu.Lock()
		f.atUser[r.URL.Path]++
		f.mu.Unlock()
	}
	f.sim.ServeHTTP(to, r)
}

// settle waits until everything that has begun has ended and every event is judged.
func (f *flood) settle() {
	f.Helper()
	calm := 0
	soak.Await(f, "nothing is under way any more", func() bool {
		if f.underWay() {
			calm = 0
		} else {
			calm++
		}
		return calm >= 3
	})
	for _, i := range f.allInstances() {
		if i.Status == store.InstanceBlocked || i.Status == store.InstanceHeld {
			f.Errorf("%s of %s needs a person: %s", i.Orchestration, i.DN, i.Cause)
		}
	}
}

func (f *flood) underWay() bool {
	return slices.ContainsFunc(f.allInstances(), func(i store.Instance) bool {
		return i.Status != store.InstanceBlocked && i.Status != store.InstanceHeld && i.Ended.IsZero()
	})
}

func (f *flood) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// run makes one run of an automation and returns how many operations it applied.
func (f *flood) run(automation string) (applied int) {
	f.Helper()
	a := f.rollcall("--output", "json", "apply", automation)
	var r engine.Report
	if err := json.Unmarshal([]byte(a.stdout), &r); err != nil {
		f.Fatalf("apply %s: %v\n%s%s", automation, err, a.stdout, a.stderr)
	}
	for _, results := range r.Counts {
		applied += results[ident.ResultApplied]
	}
	return applied
}

// meet finds everybody on all sides.
func (f *flood) meet() {
	f.Helper()
	for anchor, e := range f.accounts() {
		id, err := strconv.ParseInt(strings.TrimPrefix(anchor, "pipedrive:"), 10, 64)
		if err != nil {
			f.Fatal(err)
		}
		p, err := f.infobip.Find("EXTERNAL_ID", string(e.GUID))
		if err != nil {
			f.Fatalf("%s is not in Infobip: %v", e.DN, err)
		}
		f.people = append(f.people, &someone{user: id, person: p.ID, guid: e.GUID, dn: e.DN})
	}
	slices.SortFunc(f.people, func(a, b *someone) int { return int(a.user - b.user) })
	for i, p := range f.people {
		p.group = groupsOfPeople[i%len(groupsOfPeople)]
	}
}

// dnOf returns where somebody is: renames and moves are under way.
func (p *someone) target() ident.DN { return ident.DN("<GUID=" + string(p.guid) + ">") }

// inAD changes the people whom somebody changes in AD.
func (f *flood) inAD(round int) {
	for _, p := range f.people {
		value := fmt.Sprintf("AD %d/%d", p.user, round)
		switch {
		case p.group == cityHere, p.group == cityBoth:
			p.last = value
			f.dc.Replace(f, p.target(), "l", value)
		case p.group == leftHere && round == 0:
			f.dc.Replace(f, p.target(), "userAccountControl", "514")
		default:
			continue
		}
		p.changes++
	}
}

// atInfobip changes the people whom somebody changes in Infobip.
func (f *flood) atInfobip(round int) {
	for _, p := range f.people {
		if p.group != cityThere && p.group != cityBoth {
			continue
		}
		value := fmt.Sprintf("IB %d/%d", p.user, round)
		if p.group == cityThere {
			p.last = value
			p.changes++
		}
		if _, err := f.infobip.Change(p.person, func(p *infobipsim.Person) { p.City = value }); err != nil {
			f.Error(err)
		}
	}
}

// atPipedrive changes the people whom somebody changes in Pipedrive.
func (f *flood) atPipedrive(round int) {
	for _, p := range f.people {
		var err error
		switch {
		case p.group == nameThere:
			p.last = fmt.Sprintf("Name %c%c %c", 'A'+round%26, 'a'+round/26, 'A'+p.user%26)
			_, err = f.sim.Rename(p.user, p.last)
		case p.group == leftThere && round == 0:
			_, err = f.sim.SetActive(p.user, false)
		default:
			continue
		}
		p.changes++
		if err != nil {
			f.Error(err)
		}
	}
}

// row is what became of the changes of a group.
type row struct {
	people, changes, hand, agent, begun, there, back int
	why                                              map[string]int // nothing was sent
}

// table is the hop table: what was changed where, what the agent wrote to AD because of
// it, what it sent where, and what it did not send, and why.
func (f *flood) table() string {
	f.Helper()
	st, err := store.Open(f.Context(), filepath.Join(f.dir, "state"))
	f.must(err)
	defer func() { _ = st.Close() }()
	rows, groupOf := map[string]*row{}, map[ident.GUID]*row{}
	for _, p := range f.people {
		r := rows[p.group]
		if r == nil {
			r = &row{why: map[string]int{}}
			rows[p.group] = r
		}
		groupOf[p.guid] = r
		r.people, r.changes, r.there, r.back = r.people+1, r.changes+p.changes, r.there+p.there, r.back+p.back
	}
	events, _, err := st.SeenEvents(f.Context(), store.EventFilter{Most: 1_000_000})
	f.must(err)
	for _, e := range events {
		created := slices.ContainsFunc(e.Parts, func(p ident.EventPart) bool { return p.Kind == ident.EventCreated })
		if r := groupOf[e.GUID]; r != nil && !created {
			f.follow(st, e, r)
		}
	}
	var b strings.Builder
	columns := "| %-24s | %6v | %7v | %10v | %12v | %14v | %10v | %12v | %s\n"
	fmt.Fprintf(&b, columns, "changed", "people", "changes", "seen in AD", "AD, by agent", "orchestrations", "to Infobip", "to Pipedrive", "not sent, and why")
	for _, g := range groupsOfPeople {
		r := rows[g]
		var why []string
		for _, cause := range slices.Sorted(maps.Keys(r.why)) {
			why = append(why, fmt.Sprintf("%d: %s", r.why[cause], cause))
		}
		fmt.Fprintf(&b, columns, g, r.people, r.changes, r.hand, r.agent, r.begun, r.there, r.back, strings.Join(why, "; "))
	}
	return b.String()
}

// follow counts what came of an event.
func (f *flood) follow(st *store.Store, e store.SeenEvent, r *row) {
	f.Helper()
	own := slices.ContainsFunc(e.Parts, func(p ident.EventPart) bool { return p.Origin != nil })
	if r.hand++; own {
		r.hand, r.agent = r.hand-1, r.agent+1
	}
	for _, v := range e.Verdicts {
		switch store.EventVerdict(v.Verdict) {
		case store.EventEcho:
			r.why[v.Cause]++
			continue
		case store.EventBegun:
			r.begun++
		case store.EventHeld, store.EventAside:
			r.why[v.Verdict+": "+v.Cause]++
		}
		if v.Instance == 0 {
			continue
		}
		story, err := st.Story(f.Context(), v.Instance)
		f.must(err)
		for _, line := range story {
			if strings.HasPrefix(line.Cause, "not sent") {
				r.why[line.Cause]++
			}
		}
	}
}
