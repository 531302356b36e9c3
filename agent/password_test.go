package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"mime/quotedprintable"
	"net/http"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mail/mailtest"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// joiners is a world whose new employees get an account, and whose manager gets
// the password, as does Pipedrive, which answers with what it got.
type joiners struct {
	*world
	mails *mailtest.Server

	mu   sync.Mutex
	asks []string // requests to Pipedrive
}

func newJoiners(t *testing.T, people int) *joiners {
	t.Helper()
	j := &joiners{mails: mailtest.Start(t)}
	j.world = newWorld(t, people, `[data_sources.pipedrive_staff.attributes]
`, `[data_sources.pipedrive_staff.attributes]
manager = "{{ 'CN=Boss,OU=Staff,DC=ad,DC=test' }}"
`, "create = 1000", "create = 1000, start = 2", "[automations.staff]", `[mail]
url = "smtps://127.0.0.1:`+strconv.Itoa(j.mails.Ports["smtps"])+`"
from = "rollcall@ad.test"
username = "rollcall"
password = "@{env:MAIL_PASSWORD}"
ca_file = "`+j.mails.CA+`"

[webhooks.tell_crm]
application = "pipedrive"
method = "POST"
path = "/api/v2/persons"
message_type = "json"
body = '{"name": "Login {{ ad.sAMAccountName }} {{ password }}"}'
repeatable = true

[orchestrations.welcome]
[[orchestrations.welcome.steps]]
name = "crm"
webhook = "tell_crm"
[[orchestrations.welcome.steps]]
mail = { to = "{{ manager.mail }}", subject = "{{ ad.displayName }} has an account", text = "{{ ad.dn }}\n{{ password }}\n" }

[automations.staff]
password = { deliver = "welcome" }
after = { created = "welcome" }`)
	j.env = append(j.env, "MAIL_PASSWORD="+mailtest.Password)
	j.dc.AddUser(t, j.dc.OU("Staff"), "Boss", "boss", map[string][]string{"mail": {"boss@ad.test"}})
	j.front.Store(&gateway{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(text))
		j.mu.Lock()
		j.asks = append(j.asks, r.Method+" "+r.URL.String()+"\n"+string(text))
		j.mu.Unlock()
		j.sim.ServeHTTP(w, r)
	})})
	return j
}

// delivered waits for that many mails, and returns the passwords in them by the DN
// of their account.
func (j *joiners) delivered(n int) map[ident.DN]string {
	j.Helper()
	soak.Await(j, "the mails", func() bool { return len(j.mails.Mails(j)) >= n })
	out := map[ident.DN]string{}
	for _, m := range j.mails.Mails(j) {
		parsed, err := netmail.ReadMessage(strings.NewReader(m.Data))
		if err != nil {
			j.Fatal(err)
		}
		var body io.Reader = parsed.Body
		if strings.EqualFold(parsed.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		text, err := io.ReadAll(body)
		lines := strings.Fields(strings.TrimSpace(strings.ReplaceAll(string(text), " ", "\x00")))
		if err != nil || len(lines) != 2 || m.To[0] != "boss@ad.test" || !m.TLS {
			j.Fatalf("%v: a mail to %v: %q", err, m.To, text)
		}
		out[ident.DN(strings.ReplaceAll(lines[0], "\x00", " "))] = lines[1]
	}
	if len(out) != n {
		j.Fatalf("%d mails about %d accounts, want %d", len(j.mails.Mails(j)), len(out), n)
	}
	return out
}

// logOn changes the password at the next logon, as the account must: until then the
// directory says so, and takes no other password.
func (j *joiners) logOn(dn ident.DN, password string) {
	j.Helper()
	mustChange, wrong := j.dc.CanBind(j, string(dn), password), j.dc.CanBind(j, string(dn), password+"x")
	if mustChange == nil || wrong == nil || mustChange.Error() == wrong.Error() {
		j.Errorf("%s: %v; with another password: %v", dn, mustChange, wrong)
	}
	j.dc.Replace(j, dn, "pwdLastSet", "-1")
	if err := j.dc.CanBind(j, string(dn), password); err != nil {
		j.Errorf("%s cannot log on: %v", dn, err)
	}
}

// nowhere looks for passwords in all that the agent keeps, says and shows, and in
// what it asks Pipedrive besides.
func (j *joiners) nowhere(d *daemon, passwords map[ident.DN]string) {
	j.Helper()
	_, page := d.get("/metrics")
	texts := map[string]string{"the log": d.said(), "metrics": page}
	questions := [][]string{
		{"events"},
		{"queue", "list"},
		{"queue", "show", "1"},
		{"orchestrations", "--all"},
		{"orchestrations", "show", "1"},
		{"runs"},
		{"runs", "1"},
		{"journal", "export"},
		{"link", "list"},
		{"quarantine", "list"},
	}
	for dn := range passwords {
		questions = append(questions, []string{"explain", string(dn)})
	}
	for _, args := range questions {
		for _, form := range []string{"text", "json"} {
			a := j.want(0, append([]string{"--output", form}, args...)...)
			texts[strings.Join(args, " ")+" as "+form] = a.stdout + a.stderr
		}
	}
	err := filepath.WalkDir(filepath.Join(j.dir, "state"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		j.Fatal(err)
	}
	sent := map[string]int{}
	j.mu.Lock()
	for i, ask := range j.asks {
		if strings.HasPrefix(ask, "POST /api/v2/persons") {
			for _, p := range passwords {
				sent[p] += strings.Count(ask, p)
			}
			continue
		}
		texts["request "+strconv.Itoa(i)] = ask
	}
	j.mu.Unlock()
	if len(sent) != len(passwords) {
		j.Errorf("%d of %d passwords reached Pipedrive", len(sent), len(passwords))
	}
	for where, text := range texts {
		for dn, p := range passwords {
			if host.Redact(text, p) != text {
				j.Errorf("%s shows the password of %s", where, dn)
			}
		}
	}
	if show := texts["orchestrations show 1 as text"]; !strings.Contains(show, "***") || !strings.Contains(show, "boss@ad.test") {
		j.Errorf("the story does not tell of the password: %s", show)
	}
	for dn := range passwords {
		show := texts["explain "+string(dn)+" as text"]
		for _, want := range []string{"***", "boss@ad.test", "create applied", "step ", "pipedrive"} {
			if !strings.Contains(show, want) {
				j.Errorf("what is told about %s does not say %q: %s", dn, want, show)
			}
		}
	}
}

// TestTheInitialPasswordReachesTheManager: a new employee of Pipedrive gets an
// account, the manager a mail with the password, and nothing else has it. An agent
// that was killed right after it made an account keeps the password for when a
// person lets the orchestration begin, which limits.start holds.
func TestTheInitialPasswordReachesTheManager(t *testing.T) {
	t.Parallel()
	j := newJoiners(t, 2)
	d := j.start()
	if r := j.apply(0); r.Counts[ident.ClassCreate][ident.ResultApplied] != 2 {
		t.Fatalf("%+v", r.Counts)
	}
	passwords := j.delivered(2)
	j.orchestrated(2)
	for dn, p := range passwords {
		j.logOn(dn, p)
	}
	j.nowhere(d, passwords)
	d.stop()
	j.sim.Add("Joan Clarke", "joan@example.org")
	j.killedAt("after-write")
	d = j.start()
	j.rollcall("apply", "staff")
	j.approve()
	all := j.delivered(3)
	j.orchestrated(3)
	for dn, p := range all {
		if passwords[dn] == "" {
			j.logOn(dn, p)
		}
	}
	j.nowhere(d, all)
	d.stop()
}

// approve lets the only orchestration begin that is held.
func (j *joiners) approve() {
	j.Helper()
	var held []store.Instance
	out := j.want(0, "--output", "json", "orchestrations").stdout
	if err := json.Unmarshal([]byte(out), &held); err != nil || len(held) != 1 || held[0].Status != store.InstanceHeld {
		j.Fatalf("%v: what is held: %s", err, out)
	}
	if a := j.rollcall("approve", strconv.FormatInt(held[0].Run, 10)); !strings.Contains(a.stdout, "1 orchestration that it held begins or goes on now") {
		j.Fatalf("%d: %s%s", a.code, a.stdout, a.stderr)
	}
}
