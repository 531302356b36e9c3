package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

// receiver is the target of a webhook's calls, and the timer of the deliveries:
// nothing is delivered before the test says so.
type receiver struct {
	*httptest.Server
	status int

	mu    sync.Mutex
	got   []received
	waits []time.Duration
	queue []func()
}

type received struct {
	auth string
	meta map[string]any
	data map[string]any
	prev map[string]any
	raw  string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: 200}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		var in struct{ Meta, Data, Previous map[string]any }
		if err := json.Unmarshal(b, &in); err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", req.Method, b, err)
		}
		user, password, _ := req.BasicAuth()
		r.mu.Lock()
		r.got = append(r.got, received{user + ":" + password, in.Meta, in.Data, in.Previous, string(b)})
		status := r.status
		r.mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) after(d time.Duration, f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = append(r.waits, d)
	r.queue = append(r.queue, f)
}

// run makes the deliveries that are due, and those that they cause.
func (r *receiver) run(now *simtest.Clock) {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.mu.Unlock()
			return
		}
		f, wait := r.queue[0], r.waits[len(r.waits)-len(r.queue)]
		r.queue = r.queue[1:]
		r.mu.Unlock()
		now.Advance(wait)
		f()
	}
}

// subscribed is a simulator with a webhook of every event of users.
func subscribed(t *testing.T, r *receiver, readings map[string]string, more string) (*Server, *simtest.Clock) {
	t.Helper()
	now := simtest.NewClock()
	s := New(Options{Seed: 1, People: 3, Now: now.Now, Unlimited: true, LoopbackWebhooks: true, AfterFunc: r.after, Readings: readings})
	got := send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+r.URL+`/in","event_action":"*","event_object":"user","name":"test"`+more+`}`)
	if got.status != 201 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return s, now
}

func TestWebhooksAreKept(t *testing.T) {
	s := New(Options{Seed: 1, People: 3, Now: simtest.NewClock().Now, Unlimited: true})
	const one = `{"id":1,"company_id":1234,"owner_id":1,"user_id":1,"event_action":"change","event_object":"user","subscription_url":"https://example.org/in","version":"2.0","is_active":1,` +
		`"add_time":"2026-03-04T05:06:07.000Z","remove_time":null,"type":"general","http_auth_user":"u","http_auth_password":null,"remove_reason":null,"last_delivery_time":null,"last_http_status":null,"admin_id":1,"name":"n"}`
	steps(t, s, []step{
		{"GET", "webhooks", "", 200, `{"status":"ok","success":true,"data":[]}`},
		{
			"POST", "webhooks", `{"subscription_url":"https://example.org/in","event_action":"change","event_object":"user","name":"n","http_auth_user":"u","http_auth_password":null}`,
			201, `{"status":"ok","success":true,"data":` + one + `}`,
		},
		{"GET", "webhooks", "", 200, `{"status":"ok","success":true,"data":[` + one + `]}`},
		{"DELETE", "webhooks/1", "", 200, `{"status":"ok","success":true}`},
		{"DELETE", "webhooks/1", "", 404, `{"status":"error","success":false,"errors":{"id":["not found"]}}`},
	})
}

func TestWebhooksAreRefused(t *testing.T) {
	s := New(Options{Seed: 1, People: 3, Unlimited: true})
	const body = `{"subscription_url":"https://example.org/in","event_action":"change","event_object":"user","name":"n"}`
	url := func(u string) string { return strings.Replace(body, "https://example.org/in", u, 1) }
	const unreachable = "subscription_url: invalid or non-reachable URL"
	for _, c := range []struct{ body, want string }{
		{`{}`, "event_action: is required"},
		{strings.Replace(body, `"name":"n"`, `"name":""`, 1), "name: must not be empty"},
		{strings.Replace(body, `"name":"n"`, `"name":"`+strings.Repeat("ž", 256)+`"`, 1), "name: must have at most 255 characters"},
		{strings.Replace(body, `,"name":"n"`, ``, 1), "name: is required"},
		{strings.Replace(body, `"change"`, `"updated"`, 1), "event_action: must be one of create, change, delete, *"},
		{strings.Replace(body, `"user"`, `"users"`, 1), "event_object: must be one of activity, deal, lead, note, organization, person, pipeline, product, stage, user, *"},
		{strings.Replace(body, `"n"`, `"n","version":"3.0"`, 1), "version: must be one of 1.0, 2.0"},
		{strings.Replace(body, `"n"`, `"n","user_id":99`, 1), "user_id: is not a user"},
		{strings.Replace(body, `"n"`, `"n","secret":"x"`, 1), "secret: is not allowed"},
		{url("ftp://example.org"), unreachable},
		{url("example.org"), unreachable},
		{url("https://"), unreachable},
		{url("https://intranet/in"), unreachable},
		{url("https://10.0.0.1/in"), unreachable},
		{url("https://127.0.0.1/in"), unreachable},
		{url("http://localhost/in"), unreachable},
		{url("http://[::1]:80/in"), unreachable},
		{url("https://api.pipedrive.com/v1/users"), unreachable},
		{url("https://pipedrive.com"), unreachable},
		{url("https://Example-Co.Pipedrive.COM./in"), unreachable},
		{url("http://example.com/v1/users"), unreachable}, // this simulator
	} {
		member, text, _ := strings.Cut(c.want, ": ")
		want := `{"status":"error","success":false,"errors":{"` + member + `":["` + text + `"]}}`
		if got := send(t, s, "POST", "/v1/webhooks", c.body); got.status != 400 || got.body != want {
			t.Errorf("%s: %d %s", c.body, got.status, got.body)
		}
	}
	for range maxHooks {
		if got := send(t, s, "POST", "/v1/webhooks", body); got.status != 201 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if got := send(t, s, "POST", "/v1/webhooks", body); got.status != 400 {
		t.Errorf("webhook %d: %d", maxHooks+1, got.status)
	}
	if got := send(t, s, "POST", "/v1/webhooks", strings.Replace(body, `"n"`, `"n","user_id":2`, 1)); got.status != 201 {
		t.Errorf("webhook of somebody else: %d %s", got.status, got.body)
	}
}

func TestDeliveries(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, `,"http_auth_user":"hook","http_auth_password":"pass"`)
	if _, err := s.Change(2, func(u *User) { u.ActiveFlag, u.IsDeleted, u.RoleID = true, false, 1 }); err != nil {
		t.Fatal(err)
	}
	r.run(now)
	r.got = nil
	send(t, s, "PUT", "/v1/users/2", `{"active_flag":false}`)
	send(t, s, "POST", "/v1/users", `{"email":"bo@example.org"}`)
	send(t, s, "POST", "/v1/roles/4/assignments", `{"user_id":2}`)
	if _, err := s.Rename(2, "Ada King"); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Rename(2, "Ada King") // nothing changes
	_, _ = s.Delete(2)
	r.run(now)
	name := s.people.generate(2).Name
	var got []string
	for _, d := range r.got {
		delete(d.prev, "modified")
		prev, _ := json.Marshal(d.prev)
		if d.meta["action"] == "delete" {
			prev = fmt.Appendf(nil, "%v", d.prev["name"])
		}
		got = append(got, fmt.Sprintf("%v %v by %v: %v %v was %s %s", d.meta["action"], d.meta["entity_id"], d.meta["change_source"], d.data["name"], d.data["active_flag"], prev, d.auth))
	}
	want := []string{
		`change 2 by api: ` + name + ` false was {"active_flag":true} hook:pass`,
		`create 4 by api: bo true was null hook:pass`,
		`change 2 by api: ` + name + ` false was {"role_id":1} hook:pass`,
		`change 2 by app: Ada King false was {"name":"` + name + `"} hook:pass`,
		`delete 2 by app: <nil> <nil> was Ada King hook:pass`,
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Fatalf("got\n%s\nwant\n%s", a, b)
	}
	m := r.got[0].meta
	for name, value := range map[string]any{
		"company_id": "1234", "entity": "user", "user_id": "1", "webhook_id": "1", "webhook_owner_id": "1", "version": "2.0", "type": "general",
		"attempt": 1.0, "host": "example-co.pipedrive.com", "is_bulk_edit": false, "timestamp": "2026-03-04T05:06:07.000Z",
	} {
		if m[name] != value {
			t.Errorf("meta.%s is %v, want %v", name, m[name], value)
		}
	}
	if _, there := m["permitted_user_ids"]; there || !strings.Contains(r.got[4].raw, `"data":null`) || !strings.Contains(r.got[1].raw, `"previous":null`) {
		t.Errorf("%s\n%s", r.got[4].raw, r.got[1].raw)
	}
}

func TestDeliveriesAreRetried(t *testing.T) {
	for _, status := range []int{500, 404, 302} {
		r := newReceiver(t)
		r.status = status
		s, now := subscribed(t, r, nil, "")
		_, _ = s.Rename(1, "Ada King")
		r.run(now)
		if want := "[0s 3s 30s 2m30s]"; fmt.Sprint(r.waits) != want || len(r.got) != 4 || r.got[3].meta["attempt"] != 4.0 {
			t.Errorf("%d: waits %v, want %s, %d attempts", status, r.waits, want, len(r.got))
		}
		if r.got[0].meta["id"] != r.got[3].meta["id"] {
			t.Error("a retry has another id")
		}
		if body := get(t, s, "/v1/webhooks").body; !strings.Contains(body, fmt.Sprintf(`"last_http_status":%d`, status)) {
			t.Errorf("%d: %s", status, body)
		}
	}
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	r.status = 204
	_, _ = s.Rename(1, "Ada King")
	r.run(now)
	if len(r.got) != 1 {
		t.Errorf("a success is followed by %d more", len(r.got)-1)
	}
}

func TestFailingWebhooksAreBannedAndForgotten(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	r.status = 500
	change := func() (attempts int) {
		r.got = nil
		_, _ = s.Rename(1, fmt.Sprint("Ada ", now.Now()))
		r.run(now)
		now.Advance(time.Second)
		return len(r.got)
	}
	for i := range banAfter {
		if n := change(); n != 4 {
			t.Fatalf("event %d: %d attempts", i, n)
		}
	}
	if n := change(); n != 0 {
		t.Errorf("a banned webhook gets %d attempts", n)
	}
	now.Advance(banTime)
	r.status = 200
	if n := change(); n != 1 {
		t.Errorf("after the ban: %d attempts", n)
	}
	r.status = 500
	now.Advance(deadAfter)
	if n := change(); n != 1 {
		t.Errorf("after three days: %d attempts", n)
	}
	if body := get(t, s, "/v1/webhooks").body; !strings.HasSuffix(body, `"data":[]}`) {
		t.Errorf("after three days without success: %s", body)
	}
}

func TestOnlyWhatWasAskedForIsDelivered(t *testing.T) {
	for _, c := range []struct {
		action, object, version string
		want                    int
	}{
		{"change", "user", "2.0", 1}, {"*", "*", "2.0", 1}, {"create", "user", "2.0", 0}, {"delete", "user", "2.0", 0}, {"*", "person", "2.0", 0}, {"*", "user", "1.0", 0},
	} {
		r := newReceiver(t)
		s, now := subscribed(t, r, nil, "")
		send(t, s, "DELETE", "/v1/webhooks/1", "")
		send(t, s, "POST", "/v1/webhooks", fmt.Sprintf(`{"subscription_url":%q,"event_action":%q,"event_object":%q,"version":%q,"name":"n"}`, r.URL, c.action, c.object, c.version))
		_, _ = s.Rename(1, "Ada King")
		r.run(now)
		if len(r.got) != c.want {
			t.Errorf("%+v: %d deliveries", c, len(r.got))
		}
	}
}

func TestNobodyElseIsCalled(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	send(t, s, "DELETE", "/v1/webhooks/1", "")
	send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"https://example.org/in","event_action":"*","event_object":"*","name":"n"}`)
	_, _ = s.Rename(1, "Ada King")
	r.run(now)
	if body := get(t, s, "/v1/webhooks").body; !strings.Contains(body, `"last_delivery_time":null`) {
		t.Error(body)
	}
}

func TestDeliveryWithoutAnInjectedTimer(t *testing.T) {
	came := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.URL.Path }))
	defer server.Close()
	s := New(Options{LoopbackWebhooks: true})
	send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+server.URL+`/in","event_action":"*","event_object":"*","name":"n"}`)
	_, _ = s.Rename(1, "Ada King")
	select {
	case path := <-came:
		if path != "/in" {
			t.Error(path)
		}
	case <-time.After(soak.Patience):
		t.Error("nothing came")
	}
}
