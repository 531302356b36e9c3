package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

const hookPassword = "a-password-of-the-receiver-4711"

// hooked is a world whose application may tell of changes.
type hooked struct {
	*world
	listen string
}

// newHooked returns a world whose simulator delivers to this machine.
func newHooked(t *testing.T, o sim.Options, more ...string) *hooked {
	t.Helper()
	w := newWorld(t, 3)
	o.Seed, o.People = 1, 3
	w.serve(sim.New(o))
	w.write("hook_password", hookPassword)
	h := &hooked{world: w, listen: freePort(t)}
	h.receive(h.listen, more...)
	return h
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// receive writes the configuration with a receiver at that address.
func (h *hooked) receive(listen string, more ...string) {
	h.Helper()
	h.configure(append([]string{"[data_sources.pipedrive_staff]", fmt.Sprintf(receiving, listen, listen, h.dir)}, more...)...)
}

// receiving is a receiver, to insert before the data source: its address twice, and
// the folder of its password.
const receiving = `[receiver]
listen = %q
url = "http://%s"
[applications.pipedrive.receiver]
enabled = true
username = "pipedrive"
password = "@{file:%s/hook_password}"
[data_sources.pipedrive_staff]`

// registered runs register and decodes its answer.
func (h *hooked) registered(code int, args ...string) (a service.SubscriptionAnswer) {
	h.Helper()
	h.decode(h.want(code, append([]string{"--output", "json", "webhook-receiver", "register", "pipedrive"}, args...)...), &a)
	return a
}

func (h *hooked) status(code int) (s service.SubscriptionStatus) {
	h.Helper()
	h.decode(h.want(code, "--output", "json", "webhook-receiver", "status", "pipedrive"), &s)
	return s
}

func (h *hooked) decode(a answer, v any) {
	h.Helper()
	if err := json.Unmarshal([]byte(a.stdout), v); err != nil {
		h.Fatalf("%v\n%s", err, a.stdout)
	}
}

// target listens in place of the agent's receiver.
type target struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	auth   []string
}

func (h *hooked) target(t *testing.T) *target {
	t.Helper()
	r := &target{status: 200}
	l, err := net.Listen("tcp", h.listen)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		user, password, _ := req.BasicAuth()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.auth = append(r.auth, req.URL.Path+" "+user+":"+password)
		w.WriteHeader(r.status)
	}))
	_ = r.Listener.Close()
	r.Listener = l
	r.Start()
	t.Cleanup(r.Close)
	return r
}

func (r *target) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *target) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.auth...)
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(soak.Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestRegisterIsRepeatable registers, delivers, loses, refuses and ends the
// subscription, all without a running agent.
func TestRegisterIsRepeatable(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true, LoopbackWebhooks: true})
	if s := h.status(0); s.State != service.SubscriptionNone || len(s.Next) == 0 {
		t.Errorf("%+v", s)
	}
	if a := h.registered(4); a.Made != "1" || a.NotListening == "" || a.URL != "http://"+h.listen+"/pipedrive" {
		t.Errorf("nothing listens, and register does not say so: %+v", a)
	}
	if s := h.status(4); s.State != service.SubscriptionNotListening {
		t.Errorf("%+v", s)
	}
	receiver := h.target(t)
	if a := h.registered(0); a.Made != "" || a.Kept != "1" {
		t.Errorf("registered twice: %+v", a)
	}
	if list := h.sim.Webhooks(); len(list) != 1 || list[0].Event != "*.user" || list[0].AuthUser != "pipedrive" {
		t.Errorf("%+v", list)
	}
	_, _ = h.sim.Rename(1, "Ada King")
	eventually(t, "nothing was delivered", func() bool { return len(receiver.got()) == 1 })
	if got := receiver.got()[0]; got != "/pipedrive pipedrive:"+hookPassword {
		t.Errorf("delivered to %s", got)
	}
	eventually(t, "the delivery is not shown", func() bool { return len(h.sim.Attempts()) == 1 })
	if s := h.status(0); s.State != service.SubscriptionActive || s.Found[0].Status != 200 || s.Found[0].Delivered.IsZero() {
		t.Errorf("%+v", s)
	}

	receiver.answers(401) // the password is another one by now
	_, _ = h.sim.Rename(1, "Ada Queen")
	eventually(t, "the refusal is not shown", func() bool { return len(h.sim.Attempts()) == 2 })
	if s := h.status(4); s.State != service.SubscriptionFailing || !strings.Contains(s.Says, "401") {
		t.Errorf("%+v", s)
	}
	if a := h.registered(0); a.Made != "2" || len(a.Ended) != 1 || a.Ended[0] != "1" || !strings.Contains(a.Why, "401") {
		t.Errorf("what is refused is not replaced: %+v", a)
	}
	if a := h.registered(0, "--anew"); a.Made != "3" || len(a.Ended) != 1 {
		t.Errorf("%+v", a)
	}

	for what, id := range map[string]int64{"without a trace": 3} {
		if _, err := h.sim.RemoveWebhook(id); err != nil {
			t.Fatal(err)
		}
		if s := h.status(4); s.State != service.SubscriptionLost {
			t.Errorf("%s: %+v", what, s)
		}
	}
	if a := h.registered(0); a.Made != "4" || !strings.Contains(a.Why, "does not have it any more") {
		t.Errorf("%+v", a)
	}
	for _, want := range []string{"subscription 4 ended", "nothing to end"} {
		if a := h.want(0, "webhook-receiver", "unregister", "pipedrive"); !strings.Contains(a.stdout, want) {
			t.Error(a.stdout)
		}
	}
	if s := h.status(0); s.State != service.SubscriptionEnded || len(h.sim.Webhooks()) != 0 {
		t.Errorf("%+v, %+v", s, h.sim.Webhooks())
	}
	if a := h.want(0, "journal", "export"); strings.Count(a.stdout, `"kind":"subscription"`) < 5 || strings.Contains(a.stdout, hookPassword) {
		t.Error(a.stdout)
	}
}

// TestOtherSubscriptionsStay leaves alone what somebody else has registered, and
// replaces what this agent had at another address.
func TestOtherSubscriptionsStay(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true, LoopbackWebhooks: true})
	h.target(t)
	h.hook(`{"subscription_url":"http://127.0.0.1:1/other-agent","event_action":"*","event_object":"user","name":"other"}`)
	h.hook(`{"subscription_url":"http://` + h.listen + `/pipedrive","event_action":"*","event_object":"deal","name":"deals"}`)
	h.hook(`{"subscription_url":"http://` + h.listen + `/pipedrive/","event_action":"*","event_object":"user","name":"mine","http_auth_user":"somebody"}`)
	if a := h.registered(0); a.Made != "4" || fmt.Sprint(a.Ended) != "[3]" {
		t.Errorf("%+v", a)
	}
	h.receive(h.listen, `url = "http://`+h.listen+`"`, `url = "http://`+h.listen+`/moved"`)
	if s := h.status(4); s.State != service.SubscriptionWrong {
		t.Errorf("%+v", s)
	}
	if a := h.registered(0); a.Made != "5" || fmt.Sprint(a.Ended) != "[4]" {
		t.Errorf("%+v", a)
	}
	var left []int64
	for _, one := range h.sim.Webhooks() {
		left = append(left, one.ID)
	}
	if fmt.Sprint(left) != "[1 2 5]" {
		t.Errorf("left are %v", left)
	}
}

// hook makes a webhook at the application, as somebody else does.
func (h *hooked) hook(body string) {
	h.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/webhooks", strings.NewReader(body))
	r.Header.Set("x-api-token", "sim-api-token")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if h.sim.ServeHTTP(w, r); w.Code != http.StatusCreated {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
}

// TestRegisterSaysWhatIsWrong shows what somebody reads at night.
func TestRegisterSaysWhatIsWrong(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true})
	register := func(code int, wants ...string) {
		t.Helper()
		a := h.want(code, "webhook-receiver", "register", "pipedrive")
		for _, want := range wants {
			if !strings.Contains(a.stderr, want) {
				t.Errorf("%s\ndoes not say %q", a.stderr, want)
			}
		}
	}
	register(1, "invalid or non-reachable URL", "Next: the application must be able to reach url of [receiver] from outside")
	h.serve(sim.New(sim.Options{Seed: 1, People: 3, Unlimited: true, LoopbackWebhooks: true, NoAdmin: true}))
	register(1, "403", "Next: give the account behind the credentials the right to manage webhooks")
	h.serve(sim.New(sim.Options{Seed: 1, People: 3, Unlimited: true, LoopbackWebhooks: true}))
	for range 40 {
		h.hook(`{"subscription_url":"https://example.org/in","event_action":"*","event_object":"user","name":"n"}`)
	}
	register(1, "has 40 webhooks already", "end some that nobody needs")
	h.serve(sim.New(sim.Options{Seed: 1, People: 3, Unlimited: true, LoopbackWebhooks: true}))
	if err := h.sim.AddFault(sim.Fault{Kind: sim.Status, Code: 503, Route: "webhooks", Method: "POST"}); err != nil {
		t.Fatal(err)
	}
	register(1, "503")
	h.serve(sim.New(sim.Options{Seed: 1, People: 3, Unlimited: true, LoopbackWebhooks: true}))
	if err := h.sim.AddFault(sim.Fault{Kind: sim.TooMany, Route: "webhooks", Method: "GET"}); err != nil {
		t.Fatal(err)
	}
	register(1, "429", "Next: the application allows no more requests now: try again", "what is registered stays")

	h.write("short", "guess-me")
	h.receive(h.listen, h.dir+"/hook_password", h.dir+"/short")
	register(1, "must have 16 or more", "choose another one here and at the application")
	for name, c := range map[string]struct{ old, with, want string }{
		"no receiver":     {"listen = \"" + h.listen + "\"\n", "", "there is no receiver: set listen in [receiver]"},
		"may not":         {"enabled = true\nusername", "enabled = false\nusername", "may not tell of changes: set enabled = true in [applications.pipedrive.receiver]"},
		"not enabled":     {"connector = \"pipedrive\"", "connector = \"pipedrive\"\nenabled = false", "application pipedrive is not enabled"},
		"unknown setting": {"username = \"pipedrive\"", "user = \"pipedrive\"", "unknown key"},
	} {
		h.receive(h.listen, c.old, c.with)
		if a := h.want(2, "webhook-receiver", "register", "pipedrive"); !strings.Contains(a.stderr, c.want) {
			t.Errorf("%s: %s", name, a.stderr)
		}
	}
	h.receive(h.listen)
	if a := h.want(2, "webhook-receiver", "register", "pipedrve"); !strings.Contains(a.stderr, "pipedrive") {
		t.Error(a.stderr)
	}
}

// TestALostAnswerMakesNoSecondSubscription loses the answer of the call that makes
// the subscription.
func TestALostAnswerMakesNoSecondSubscription(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true, LoopbackWebhooks: true})
	h.target(t)
	if err := h.sim.AddFault(sim.Fault{Kind: sim.Lost, Route: "webhooks", Method: "POST", Times: 1}); err != nil {
		t.Fatal(err)
	}
	a := h.rollcall("webhook-receiver", "register", "pipedrive")
	if a.code == 1 && !strings.Contains(a.stderr, "it is not known whether that arrived") {
		t.Error(a.stderr)
	}
	h.registered(0)
	if list := h.sim.Webhooks(); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}

// TestTheAgentRepairsALostSubscription lets the application end the subscription
// while the agent is stopped: it is made again at the start, and everybody is
// looked at. What somebody has ended stays ended.
func TestTheAgentRepairsALostSubscription(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true, LoopbackWebhooks: true, Readings: map[string]string{"webhook_removed": "listed"}})
	h.registered(4) // nothing listens yet
	if _, err := h.sim.RemoveWebhook(1); err != nil {
		t.Fatal(err)
	}
	d := h.start()
	eventually(t, "it is not made again", func() bool { return len(h.sim.Webhooks()) == 2 })
	eventually(t, "nobody was looked at afterwards", func() bool {
		return strings.Contains(h.want(0, "runs").stdout, "repaired subscription")
	})
	eventually(t, "the run is owed for ever", func() bool {
		var s service.SubscriptionStatus
		h.decode(h.rollcall("--output", "json", "webhook-receiver", "status", "pipedrive"), &s)
		return s.Registered != nil && !s.Registered.Poll && s.Registered.Repairs == 1
	})
	for _, want := range []string{`msg="subscription made again" application=pipedrive subscription=2`, "no successful delivery in 3 days"} {
		if !strings.Contains(d.said(), want) {
			t.Errorf("the log does not say %s:\n%s", want, d.said())
		}
	}
	_, metrics := d.get("/metrics")
	for _, want := range []string{`rollcall_subscription_active{application="pipedrive"} 1`, `rollcall_subscription_repairs_total{application="pipedrive"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no metric %s", want)
		}
	}
	h.want(0, "webhook-receiver", "unregister", "pipedrive")
	if _, metrics := d.get("/metrics"); strings.Contains(metrics, "rollcall_subscription_active{") {
		t.Error("the metric stays")
	}
	d.stop()
	d = h.start()
	requests := len(h.sim.Requests())
	d.get("/readyz")
	d.stop()
	for _, r := range h.sim.Requests()[requests:] {
		if strings.HasSuffix(r.Path, "/webhooks") && r.Method == http.MethodPost {
			t.Errorf("what was ended is made again: %+v", r)
		}
	}
	if text := d.said(); strings.Contains(text, hookPassword) || strings.Contains(text, "made again") {
		t.Error(text)
	}
}

// TestARegisteredApplicationTellsTheAgent goes the whole way through the running
// agent: registered by a command, changed at the application, written to the
// directory long before the schedule would have found it.
func TestARegisteredApplicationTellsTheAgent(t *testing.T) {
	h := newHooked(t, sim.Options{Unlimited: true, LoopbackWebhooks: true}, `schedule    = "*/15 * * * *"`, `schedule    = "0 0 1 1 *"`)
	active := int64(0)
	for id := int64(1); id <= 3; id++ {
		if u, err := h.sim.User(id); err == nil && u.ActiveFlag && u.Email.Value != "" {
			active = id
		}
	}
	h.rollcall("apply", "staff")
	d := h.start()
	if a := h.registered(0); a.Made != "1" || a.NotListening != "" {
		t.Errorf("%+v", a)
	}
	if _, err := h.sim.Rename(active, "Ada Lovelace"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change has not come to the directory", func() bool {
		for _, e := range h.accounts() {
			if e.Attributes.First("displayName") == "Ada Lovelace" {
				return true
			}
		}
		return false
	})
	var s service.SubscriptionStatus
	eventually(t, "the application does not say that it delivered", func() bool {
		h.decode(h.rollcall("--output", "json", "webhook-receiver", "status", "pipedrive"), &s)
		return len(s.Found) == 1 && s.Found[0].Status == 200
	})
	if s.State != service.SubscriptionActive || s.LastEvent.IsZero() || s.NotListening != "" {
		t.Errorf("%+v", s)
	}
	d.stop()
	if strings.Contains(d.said(), hookPassword) {
		t.Error("the password is in the log")
	}
}
