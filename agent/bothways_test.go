package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	infobipsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// bothWays are Pipedrive, a directory and Infobip, with an agent that carries
// changes in every direction.
type bothWays struct {
	*world
	d       *daemon
	infobip *infobipsim.Server
	role    int // of Pipedrive, for members of the group CRM Leads
	leads   ident.DN

	mu   sync.Mutex
	asks []string // what was asked of Pipedrive
}

const bothWaysConfig = `
[applications.infobip]
connector = "infobip"
base_url  = "INFOBIP"
auth      = "api_key"
api_key   = "@{file:FOLDER/infobip_key}"

[receiver]
listen = "LISTEN"
url    = "http://LISTEN"
[applications.pipedrive.receiver]
enabled  = true
username = "pipedrive"
password = "@{file:FOLDER/hook_password}"

[webhooks.push_person]
from = "infobip/update_person"
body = '''
{"firstName": "{{ macros.first_name }}", "lastName": "{{ macros.last_name }}",
 "customAttributes": {"jobTitle": "{{ default(ad.title, "") }}"}}'''

# Whoever gets an account, from wherever, is known to both applications.
[orchestrations.joiner]
[[orchestrations.joiner.steps]]
name    = "seat"
webhook = "pipedrive/create_user"
if      = 'link == null'
[[orchestrations.joiner.steps]]
name    = "person"
webhook = "infobip/create_person"
if      = 'link == null'
[[orchestrations.joiner.steps]]
name    = "agent"
webhook = "infobip/create_agent"
if      = 'link == null'
[automations.joiners]
trigger       = "directory"
on            = ["created", "restored"]
where         = 'ad.mail != null'
orchestration = "joiner"

[orchestrations.push]
[[orchestrations.push.steps]]
name    = "person"
webhook = "push_person"
if      = 'link != null'
[automations.push]
trigger       = "directory"
on            = ["modified(title, displayName, givenName, sn)"]
orchestration = "push"

[orchestrations.lead]
[[orchestrations.lead.steps]]
name    = "role"
webhook = "pipedrive/assign_role"
if      = 'link != null'
[automations.leads]
trigger       = "directory"
on            = ["member_added"]
where         = 'change.group.name == "CRM Leads"'
orchestration = "lead"

[orchestrations.leaver]
on_error = "continue"
[[orchestrations.leaver.steps]]
name    = "seat"
webhook = "pipedrive/deactivate_user"
if      = 'link != null'
[[orchestrations.leaver.steps]]
name    = "agent"
webhook = "infobip/disable_agent"
if      = 'link != null'
[automations.leavers]
trigger       = "directory"
on            = ["disabled"]
orchestration = "leaver"

[orchestrations.gone]
[[orchestrations.gone.steps]]
name    = "person"
webhook = "infobip/delete_person"
if      = 'link != null'
[automations.gone]
trigger       = "directory"
on            = ["deleted"]
orchestration = "gone"

[automations.staff]`

// newBothWays starts all of it with that many people in Pipedrive. replace are pairs of
// texts, as for configure.
func newBothWays(t *testing.T, people int, replace ...string) *bothWays {
	t.Helper()
	ib := infobipsim.New(infobipsim.Options{Seed: 1, Unlimited: true})
	api := httptest.NewServer(ib)
	t.Cleanup(api.Close)
	w := newWorld(t, people)
	w.serve(sim.New(sim.Options{ // what the vendor repeats after minutes, it repeats within seconds
		Seed: 1, People: people, Unlimited: true, LoopbackWebhooks: true, WebhookSpeed: 20,
	}))
	w.write("hook_password", hookPassword)
	listen := freePort(t)
	b := &bothWays{world: w, infobip: ib, leads: w.dc.AddGroup(t, w.dc.OU("Groups"), "CRM Leads")}
	w.front.Store(&gateway{http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.asks = append(b.asks, r.Method+" "+r.URL.Path)
		b.mu.Unlock()
		w.sim.ServeHTTP(to, r)
	})})
	b.define(t, api.URL)
	modules := filepath.Join(w.dir, "modules")
	must(t, os.Mkdir(modules, 0o700))
	must(t, os.Symlink(filepath.Join(build().modules, "pipedrive.wasm"), filepath.Join(modules, "pipedrive.wasm")))
	_, err := connector.Build(t.Context(), "../plugins/infobip", filepath.Join(modules, "infobip.wasm"), t.Output())
	must(t, err)
	w.write("infobip_key", "sim-api-key")
	w.configure(append([]string{
		build().modules, modules, "[automations.staff]",
		strings.NewReplacer("INFOBIP", api.URL, "FOLDER", w.dir, "LISTEN", listen).Replace(bothWaysConfig),
		`connector = "pipedrive"`, `connector = "pipedrive"` + "\n" + `settings = { role_id = ` + strconv.Itoa(b.role) + ` }`,
	}, replace...)...)
	w.race()
	b.d = w.start()
	return b
}

// define makes what administrators of the applications have made: a role, and an
// attribute of people.
func (b *bothWays) define(t *testing.T, infobip string) {
	t.Helper()
	post := func(url, header, key, body string) []byte {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		must(t, err)
		req.Header.Set(header, key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 {
			b.Fatalf("POST %s: %d %s, %v", url, resp.StatusCode, answer, err)
		}
		return answer
	}
	var made struct{ Data struct{ ID int } }
	must(t, json.Unmarshal(post(b.api.URL+"/v1/roles", "x-api-token", "sim-api-token", `{"name": "CRM Lead"}`), &made))
	b.role = made.Data.ID
	post(infobip+"/people/2/customAttributes", "Authorization", "App sim-api-key", `{"name": "jobTitle", "dataType": "STRING"}`)
}

// person is somebody of Infobip, by the account that they are.
func (b *bothWays) person(guid ident.GUID) (infobipsim.Person, bool) {
	p, err := b.infobip.Find("EXTERNAL_ID", string(guid))
	return p, err == nil
}

// agent is an agent of Infobip by display name.
func (b *bothWays) agent(name string) (infobipsim.Agent, bool) {
	for n := int64(1); n <= b.infobip.Count().Agents; n++ {
		if a, err := b.infobip.Agent(n); err == nil && a.DisplayName == name {
			return a, true
		}
	}
	return infobipsim.Agent{}, false
}

// ldapmodify changes an object as an administrator does, by the program of that name. The
// lines are those of LDIF after the DN.
func (b *bothWays) ldapmodify(dn ident.DN, lines ...string) {
	b.Helper()
	b.write("admin_password", b.dc.AdminPassword)
	c := exec.CommandContext(b.Context(), "ldapmodify", "-H", b.dc.URL, "-x", "-D", string(b.dc.AdminDN), "-y", filepath.Join(b.dir, "admin_password"))
	c.Env = append(os.Environ(), "LDAPTLS_CACERT="+b.dc.CAFile)
	c.Stdin = strings.NewReader("dn:: " + base64.StdEncoding.EncodeToString([]byte(dn)) + "\n" + strings.Join(lines, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("ldapmodify of %s: %v\n%s", dn, err, out)
	}
}

// seat is a user of Pipedrive by mail address.
func (b *bothWays) seat(mail string) (sim.User, bool) {
	for id := int64(1); id <= 100; id++ {
		if u, err := b.sim.User(id); err == nil && u.Email.Value == mail {
			return u, true
		}
	}
	return sim.User{}, false
}

// account is the account of a person of Pipedrive.
func (b *bothWays) account(key string) ident.Entry {
	b.Helper()
	e, found := b.accounts()["pipedrive:"+key]
	if !found {
		b.Fatalf("there is no account of pipedrive:%s", key)
	}
	return e
}

// asked counts requests to Pipedrive.
func (b *bothWays) asked(request string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, a := range b.asks {
		if a == request {
			n++
		}
	}
	return n
}

// told waits until what is told about a user has all of these texts, in this order.
func (b *bothWays) told(user string, want ...string) string {
	b.Helper()
	text := ""
	soak.Await(b, "what is told about "+user, func() bool {
		a := b.rollcall("explain", user, "--fetch=false")
		if text = a.stdout + a.stderr; a.code != 0 {
			b.Fatalf("explain %s: %s", user, text)
		}
		rest := text
		for _, w := range want {
			_, after, found := strings.Cut(rest, w)
			if !found {
				return false
			}
			rest = after
		}
		return true
	})
	return text
}

// TestBothWays: what anybody changes in Pipedrive or in AD reaches the others at
// once, does not come back, and is told by explain.
func TestBothWays(t *testing.T) {
	t.Parallel()
	b := newBothWays(t, 3)
	b.apply(0)
	soak.Await(t, "the accounts from Pipedrive are people and agents of Infobip", func() bool {
		c := b.infobip.Count()
		return c.People == 3 && c.Agents == 3
	})
	if n := b.asked("POST /v1/users"); n != 0 {
		t.Errorf("%d of the people were sent back to Pipedrive, where they came from", n)
	}
	b.renamedInPipedrive()
	b.renamedAtOnce()
	b.titleInAD()
	b.groupInAD()
	b.newInAD()
	b.disabledInAD()
	b.deletedInAD()
	if strings.Contains(b.d.said(), "level=ERROR") {
		t.Errorf("the log has errors:\n%s", b.d.said())
	}
	b.d.stop()
}

// renamedInPipedrive: a change of Pipedrive reaches AD with the next run, and from
// there Infobip, and is not sent back.
func (b *bothWays) renamedInPipedrive() {
	b.Helper()
	guid := b.account("1").GUID
	_, err := b.sim.Rename(1, "Joan Clarke")
	if err != nil {
		b.Fatal(err)
	}
	b.apply(0)
	soak.Await(b, "the new name is in Infobip", func() bool {
		p, found := b.person(guid)
		return found && p.FirstName == "Joan" && p.LastName == "Clarke"
	})
	text := b.told("pipedrive:1", "create applied", "created (by run 1 of staff, from pipedrive)", "not sent: this change came from pipedrive",
		"displayName: ", "-> Joan Clarke", "from pipedrive)", "automation push", "webhook push_person: done", `"firstName": "Joan"`)
	b.Log("\n" + text)
	for _, e := range b.events("pipedrive:1") {
		for _, part := range e.Parts {
			if part.Origin == nil || part.Origin.Application != "pipedrive" || part.Origin.Run == 0 {
				b.Errorf("event %d is not known as the agent's own write: %+v", e.ID, part)
			}
		}
	}
}

// renamedAtOnce: what Pipedrive tells by itself goes all the way round without a
// schedule: to AD, and from there to Infobip.
func (b *bothWays) renamedAtOnce() {
	b.Helper()
	b.want(0, "webhook-receiver", "register", "pipedrive")
	guid := b.account("1").GUID
	if _, err := b.sim.Rename(1, "Joan Murray"); err != nil {
		b.Fatal(err)
	}
	soak.Await(b, "the name that Pipedrive tells is in Infobip", func() bool {
		p, found := b.person(guid)
		return found && p.LastName == "Murray"
	})
	text := b.told("pipedrive:1", `pipedrive sends "change" about its user 1`, "-> Joan Murray", "automation push", "webhook push_person: done", "Murray")
	if strings.Contains(text, hookPassword) {
		b.Error("the password of the receiver is told")
	}
}

// titleInAD: a title that an administrator sets reaches Infobip.
func (b *bothWays) titleInAD() {
	b.Helper()
	e := b.account("1")
	b.ldapmodify(e.DN, "changetype: modify", "replace: title", "title: Head of Sales")
	soak.Await(b, "the title is in Infobip", func() bool {
		p, found := b.person(e.GUID)
		return found && p.CustomAttributes["jobTitle"] == "Head of Sales"
	})
	b.told(string(e.DN), "modified title (not by rollcall)", "title: (none) -> Head of Sales", "automation push", "Head of Sales", "answer 200")
}

// groupInAD: a new member of a group gets the role.
func (b *bothWays) groupInAD() {
	b.Helper()
	e := b.account("1")
	b.ldapmodify(b.leads, "changetype: modify", "add: member", "member:: "+base64.StdEncoding.EncodeToString([]byte(e.DN)))
	soak.Await(b, "the member has the role", func() bool {
		u, err := b.sim.User(1)
		return err == nil && u.RoleID == b.role
	})
	b.told(e.Attributes.First("mail"), "member_added CRM Leads (not by rollcall)", "automation leads", "webhook pipedrive/assign_role: done")
}

// newInAD: an account that an administrator makes appears in both applications.
func (b *bothWays) newInAD() {
	b.Helper()
	guid := b.dc.AddUser(b, b.dc.OU("Staff"), "Eva Nova", "enova", map[string][]string{
		"mail": {"eva.nova@example.org"}, "givenName": {"Eva"}, "sn": {"Nova"}, "displayName": {"Eva Nova"},
	})
	soak.Await(b, "Eva is in both applications", func() bool {
		_, seat := b.seat("eva.nova@example.org")
		_, person := b.person(guid)
		_, agent := b.agent("Eva Nova")
		_, renamed := b.agent("eva.nova") // what Pipedrive calls her may reach AD before this step
		return seat && person && (agent || renamed)
	})
	b.told("enova", "link: infobip/person:", "link: infobip:", "link: pipedrive:", "created (not by rollcall)", "automation joiners",
		"link pipedrive:", "made by orchestration joiner", "step person, webhook infobip/create_person: done")
}

// disabledInAD: whoever is disabled in AD loses the seat and the agent.
func (b *bothWays) disabledInAD() {
	b.Helper()
	e := b.account("2")
	b.ldapmodify(e.DN, "changetype: modify", "replace: userAccountControl", "userAccountControl: 514")
	soak.Await(b, "the seat and the agent are gone", func() bool {
		u, err := b.sim.User(2)
		a, found := b.agent(e.Attributes.First("displayName"))
		return err == nil && !u.ActiveFlag && found && !a.Enabled
	})
	b.told(e.Attributes.First("sAMAccountName"), ": disabled", "disabled (not by rollcall)", "automation leavers",
		"webhook pipedrive/deactivate_user: done", "webhook infobip/disable_agent: done", "(leaver): done")
}

// deletedInAD: whoever is deleted in AD is removed from Infobip, although the object
// is gone, and is still told about.
func (b *bothWays) deletedInAD() {
	b.Helper()
	e := b.account("3")
	if _, found := b.person(e.GUID); !found {
		b.Fatalf("%s was not in Infobip", e.DN)
	}
	b.ldapmodify(e.DN, "changetype: delete")
	soak.Await(b, "the person is gone from Infobip", func() bool {
		_, found := b.person(e.GUID)
		return !found
	})
	for _, name := range []string{string(e.DN), string(e.GUID), "pipedrive:3", e.Attributes.First("sAMAccountName"), e.Attributes.First("mail")} {
		b.told(name, ": deleted, as was seen", "create applied", "deleted (not by rollcall)", "automation gone", "webhook infobip/delete_person: done")
	}
}

// events lists what the directory showed about a user.
func (b *bothWays) events(user string) []store.SeenEvent {
	b.Helper()
	var answer seenEvents
	if err := json.Unmarshal([]byte(b.want(0, "--output", "json", "events", "--user", user).stdout), &answer); err != nil {
		b.Fatal(err)
	}
	list := answer.Events
	if len(list) == 0 || !slices.IsSortedFunc(list, func(x, y store.SeenEvent) int { return x.At.Compare(y.At) }) {
		b.Errorf("%d events about %s, or not in their order", len(list), user)
	}
	return list
}
