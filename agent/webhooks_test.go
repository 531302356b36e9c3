package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host/soak"
	infobipsim "github.com/rollcall-agent/rollcall/plugins/infobip/sim"
)

const triedWebhooks = `[webhooks.rename]
from = "pipedrive/deactivate_user"
body = '{"name": "{{ ad.displayName }}"}'
[webhooks.pager]
application = "pipedrive"
method = "PUT"
path = "/v1/users/{{ link.key }}"
body = '{"active_flag": {{ len(ad.pager) > 3 }}}'
[webhooks.team]
application = "pipedrive"
path = "/v1/legacyTeams"
body = '{"name": "{{ ad.cn }} {{ count(ad.member) }}: {{ join(ad.member, "; ") }}", "manager_id": 1}'
link_key = "/data/id"
kind = "user" # the id of the team is that of a user who is linked
[webhooks.other_team]
application = "pipedrive"
path = "/v1/legacyTeams"
body = '{"name": "{{ ad.cn }}", "manager_id": 1}'
link_key = "/data/id"
kind = "team"
[webhooks.was]
application = "pipedrive"
path = "/v1/x"
body = '{"was": "{{ old.mail }}"}'
[orchestrations.joined]
steps = [{ webhook = "pipedrive/deactivate_user", if = "link != null" }]
[applications.infobip]
connector = "infobip"
auth = "api_key"
base_url = "INFOBIP"
api_key = "@{file:DIR/infobip_key}"
[applications.idle]
connector = "infobip"
enabled = false
auth = "api_key"
base_url = "INFOBIP"
api_key = "@{file:DIR/infobip_key}"
[automations.staff]
after = { created = "joined" }`

// front records the requests of an application, and answers some itself.
type front struct {
	*httptest.Server
	mu    sync.Mutex
	seen  []string
	fault func(http.ResponseWriter) bool // reports that it has answered
}

func newFront(t *testing.T, behind http.Handler) *front {
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var header strings.Builder
		_ = r.Header.Write(&header)
		f.mu.Lock()
		fault := f.fault
		f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI()+"\n"+header.String()+"\n"+string(body))
		f.mu.Unlock()
		if fault == nil || !fault(w) {
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// take returns what has arrived since the last time.
func (f *front) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

func (f *front) fail(with func(http.ResponseWriter) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = with
}

// tried runs a test call and decodes its answer.
func (w *world) tried(code int, args ...string) service.TestWebhookAnswer {
	w.Helper()
	a := w.want(code, append([]string{"--output", "json", "test", "webhook"}, args...)...)
	var out service.TestWebhookAnswer
	if err := json.Unmarshal([]byte(a.stdout), &out); err != nil {
		w.Fatalf("%v\n%s", err, a.stdout)
	}
	return out
}

// bothConnectors gives the world a modules folder with both connectors.
func (w *world) bothConnectors() string {
	w.Helper()
	dir := w.modules()
	if _, err := connector.Build(w.Context(), "../plugins/infobip", filepath.Join(dir, "infobip.wasm"), w.Output()); err != nil {
		w.Fatal(err)
	}
	return dir
}

// modules gives the world a modules folder of its own, with Pipedrive's connector.
func (w *world) modules() string {
	w.Helper()
	dir := filepath.Join(w.dir, "modules")
	wasm, err := os.ReadFile(filepath.Join(build().modules, "pipedrive.wasm"))
	if err == nil {
		err = errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "pipedrive.wasm"), wasm, 0o600))
	}
	if err != nil {
		w.Fatal(err)
	}
	return dir
}

// triedWorld has the webhooks above, both applications, and three people who came
// from Pipedrive and were told to it again by an orchestration.
func triedWorld(t *testing.T) (w *world, pipedrive, infobip *front) {
	t.Helper()
	w = newWorld(t, 3)
	pipedrive = newFront(t, w.sim)
	infobip = newFront(t, infobipsim.New(infobipsim.Options{Seed: 1, People: 3, Unlimited: true}))
	w.write("infobip_key", "sim-api-key")
	more := strings.NewReplacer("INFOBIP", infobip.URL, "DIR", w.dir).Replace(triedWebhooks)
	w.configure(build().modules, w.bothConnectors(), w.api.URL, pipedrive.URL, "[automations.staff]", more)
	return w, pipedrive, infobip
}

// TestWebhooksAreTried sends webhooks of both connectors as they are shipped about
// objects of a real directory.
func TestWebhooksAreTried(t *testing.T) {
	t.Parallel()
	w, pipedrive, infobip := triedWorld(t)
	d := w.start()
	w.apply(0)
	soak.Await(t, "the orchestration has deactivated everybody", func() bool {
		return w.sim.Count().Active == 0
	})
	delivered := pipedrive.take()
	one, three := w.accounts()["pipedrive:1"], w.accounts()["pipedrive:3"]
	login := one.Attributes.First("sAMAccountName")

	t.Run("the same to the byte as a delivery", func(t *testing.T) {
		got := w.tried(0, "pipedrive/deactivate_user", "--user", string(three.DN))
		sent := pipedrive.take()
		if len(sent) != 1 || !slices.Contains(delivered, sent[0]) {
			t.Errorf("%q was sent, and deliveries were %q", sent, delivered)
		}
		if got.Linked != "3" || got.Verdict.Cause != "" || got.Sent[0].Status != 200 || got.Link != nil || got.OutOfScope {
			t.Errorf("%+v", got)
		}
	})
	t.Run("with what is on disk, when the application is the same", func(t *testing.T) { triedOnDisk(t, w, login) })
	d.stop()
	t.Run("a dry run sends nothing", func(t *testing.T) {
		pipedrive.take()
		got := w.tried(0, "pipedrive/deactivate_user", "--user", login, "--dry-run")
		x := got.DryRun.Requests[0]
		if x.URL != pipedrive.URL+"/v1/users/1" || x.Body != `{"active_flag": false}` || got.Verdict != nil || len(got.Sent) > 0 {
			t.Errorf("%+v", got)
		}
		if arrived := pipedrive.take(); len(arrived) > 0 {
			t.Errorf("%q arrived", arrived)
		}
	})
	t.Run("what cannot be sent", func(t *testing.T) { triedInVain(t, w, login); nothing(t, pipedrive, infobip) })
	t.Run("what fails", func(t *testing.T) { triedAndFailed(t, w, pipedrive, login) })
	t.Run("a create makes a link, once", func(t *testing.T) { triedCreate(t, w, infobip) })
	t.Run("a group with its members", func(t *testing.T) { triedGroup(t, w, pipedrive, one.DN, three.DN) })
	t.Run("chosen at a terminal", func(t *testing.T) { triedAtTerminal(t, w, pipedrive, one) })
	if said := w.want(0, "journal", "verify").stdout; said == "" {
		t.Error("nothing is said about the journal")
	}
}

func nothing(t *testing.T, fronts ...*front) {
	t.Helper()
	for _, f := range fronts {
		if arrived := f.take(); len(arrived) > 0 {
			t.Errorf("%q arrived", arrived)
		}
	}
}

// triedOnDisk: a webhook that the agent does not have yet can be tried. A link would
// belong to another application, if that were changed.
func triedOnDisk(t *testing.T, w *world, login string) {
	before := read(t, w.config)
	defer w.write("agent.toml", before)
	w.write("agent.toml", before+"\n[webhooks.fresh]\nfrom = \"pipedrive/get_user\"\n")
	a := w.want(0, "test", "webhook", "fresh", "--user", login)
	if !strings.Contains(a.stdout, "Delivered: pipedrive answered 200.") || !strings.Contains(a.stdout, "[webhooks.fresh] (new)") {
		t.Error(a.stdout)
	}
	w.write("agent.toml", strings.Replace(before, `connector = "pipedrive"`, "connector = \"pipedrive\"\nrate_limit = \"1/1s\"", 1))
	a = w.want(2, "test", "webhook", "pipedrive/get_user", "--user", login)
	if !strings.Contains(a.stderr, "nothing was sent: the running agent has another configuration") || !strings.Contains(a.stderr, "--dry-run") {
		t.Error(a.stderr)
	}
	w.want(0, "test", "webhook", "pipedrive/get_user", "--user", login, "--dry-run")
}

// triedInVain: the reason is told, with what to do, and nothing is sent.
func triedInVain(t *testing.T, w *world, login string) {
	w.dc.AddUser(t, w.dc.OU("Staff"), "Nell Unlinked", "nunlinked", map[string][]string{"mail": {"nell@ad.test"}})
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{2, []string{"rename", "--user", login}, []string{"webhook rename: the API of connector pipedrive cannot do this", "takes active_flag only"}},
		{1, []string{"pager", "--user", login}, []string{"nothing was sent about CN=Ada Novak,", "webhook pager: body: ", "ad.pager is absent", "complete the object"}},
		{1, []string{"was", "--user", login}, []string{"webhook was: body: ", "old", "nothing has changed"}},
		{1, []string{"pipedrive/deactivate_user", "--user", "nunlinked"}, []string{
			"CN=Nell Unlinked,OU=Staff,DC=ad,DC=test has no link to application pipedrive", "A webhook that makes one is pipedrive/create_user.", "webhook pipedrive/deactivate_user: path: 1:13: ",
		}},
		{2, []string{"pipedrive/deactivate_user", "--user", "nunlinkd"}, []string{`there is no user "nunlinkd"`, `did you mean "nunlinked"?`}},
		{2, []string{"pipedrive/deactivate_user", "--group", login}, []string{"is a user and not a group"}},
		{2, []string{"pipedrive/deactivat_user", "--user", login}, []string{`did you mean "pipedrive/deactivate_user"?`}},
		{2, []string{"idle/create_person", "--user", login}, []string{"application idle is not enabled"}},
		{2, []string{"team", "--user", login, "--group", "CRM"}, []string{"exclude each other"}},
		{2, []string{"team"}, []string{"--user USER or --group GROUP"}},
	} {
		a := w.want(c.code, append([]string{"test", "webhook"}, c.args...)...)
		for _, want := range c.want {
			if !strings.Contains(a.stderr, want) || a.stdout != "" {
				t.Errorf("%v: %s%s, want %q", c.args, a.stdout, a.stderr, want)
			}
		}
	}
	a := w.want(0, "test", "webhook", "idle/create_person", "--user", login, "--dry-run")
	if !strings.Contains(a.stdout, "Nothing would be, either: application idle is not enabled.") {
		t.Error(a.stdout)
	}
}

// triedAndFailed: the verdict says what a delivery would do, and no secret is seen.
func triedAndFailed(t *testing.T, w *world, f *front, login string) {
	defer f.fail(nil)
	answering := func(status int, header, value string) func(http.ResponseWriter) bool {
		return func(rw http.ResponseWriter) bool {
			rw.Header().Set(header, value)
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, `{"success":false,"error":"it is sim-api-token"}`)
			return true
		}
	}
	for name, c := range map[string]struct {
		fault func(http.ResponseWriter) bool
		want  []string
	}{
		"down": {answering(503, "X-Request-Id", "r-17"), []string{
			"answer: 503 Service Unavailable", "X-Request-Id: r-17", "Not delivered: ", "A delivery would be tried again after 30s,", "at most 6h: 8 times in all", "nothing more would be sent to pipedrive for a while",
		}},
		"refused":   {answering(400, "X-A", "b"), []string{"answer: 400 Bad Request", "Not delivered: ", "A delivery would not be tried again."}},
		"not known": {answering(401, "X-A", "b"), []string{"answer: 401 Unauthorized", "check the credentials", "tried again"}},
		"cut off":   {func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }, []string{"no answer: ", "closed", "may have carried it out", "tried again"}},
	} {
		f.fail(c.fault)
		a := w.want(1, "test", "webhook", "pipedrive/deactivate_user", "--user", login)
		for _, want := range c.want {
			if !strings.Contains(a.stdout, want) {
				t.Errorf("%s: %s%s, want %q", name, a.stdout, a.stderr, want)
			}
		}
		if strings.Contains(a.stdout+a.stderr, "sim-api-token") || !strings.Contains(a.stdout, "X-Api-Token: ***") {
			t.Errorf("%s: a secret is shown: %s%s", name, a.stdout, a.stderr)
		}
	}
}

// triedCreate: the link of a test call is there for everything that follows, and a
// second call finds what the first has made.
func triedCreate(t *testing.T, w *world, f *front) {
	f.take()
	first := w.tried(0, "infobip/create_person", "--user", "nunlinked")
	if first.Link == nil || !first.LinkIsNew || first.Link.Origin != ident.OriginOutbound || first.Linked != "" {
		t.Fatalf("%+v", first)
	}
	second := w.tried(0, "infobip/create_person", "--user", "nunlinked")
	if second.Linked != first.Link.Key || second.LinkIsNew || second.Link == nil || second.Link.Key != first.Link.Key {
		t.Errorf("%+v", second)
	}
	created := 0
	for _, x := range slices.Concat(first.Sent, second.Sent) {
		if x.Method == http.MethodPost {
			created++
		}
	}
	if created != 1 {
		t.Errorf("%d creates were sent: %q", created, f.take())
	}
	a := w.want(0, "test", "webhook", "infobip/get_person", "--user", "nell@ad.test")
	if !strings.Contains(a.stdout, "linked to "+string(first.Link.Key)+" in application infobip") || strings.Contains(a.stdout, "sim-api-key") {
		t.Error(a.stdout)
	}
	var lines []string
	for line := range strings.Lines(w.want(0, "journal", "export").stdout) {
		if strings.Contains(line, "infobip") {
			lines = append(lines, line)
		}
	}
	said := strings.Join(lines, "")
	for _, want := range []string{`"kind":"link"`, `"webhook":"infobip/create_person"`, `"status":"tested"`, `"by":`, "Nell Unlinked"} {
		if !strings.Contains(strings.ReplaceAll(said, `\"`, `"`), want) {
			t.Errorf("the journal lacks %s: %s", want, said)
		}
	}
}

// triedGroup: the attributes of groups are there, lists as lists, also of one that
// lies outside of the scope. A key that is linked to something else makes no link.
func triedGroup(t *testing.T, w *world, f *front, members ...ident.DN) {
	f.take()
	w.dc.AddGroup(t, w.dc.OU("Groups"), "Testers", members...)
	got := w.tried(1, "team", "--group", "Testers")
	var sent struct{ Name string }
	if err := json.Unmarshal([]byte(got.Sent[0].Body), &sent); err != nil {
		t.Fatal(err)
	}
	name, all, _ := strings.Cut(sent.Name, ": ")
	listed := strings.Split(all, "; ")
	slices.Sort(listed)
	want := []string{string(members[0]), string(members[1])}
	slices.Sort(want)
	if d := cmp.Diff(want, listed); d != "" || name != "Testers 2" || got.Link != nil || got.Verdict.Cause != "" ||
		!strings.Contains(got.LinkProblem, "pipedrive:1 is linked to") {
		t.Errorf("%s%+v", d, got)
	}
	got = w.tried(0, "other_team", "--group", "Testers")
	if got.Link == nil || got.Link.Kind != "team" || got.Link.Key != "2" || !got.LinkIsNew { // the user 2 has a link, too
		t.Errorf("%+v", got)
	}
	if got = w.tried(0, "other_team", "--group", "Testers", "--dry-run"); got.Linked != "2" {
		t.Errorf("%+v", got)
	}
	got = w.tried(0, "team", "--group", "Domain Admins", "--dry-run")
	if !got.OutOfScope {
		t.Errorf("%+v", got)
	}
}
