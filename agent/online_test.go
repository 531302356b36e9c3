package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/check"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// checked is what `rollcall validate --online` found: "WHERE | FOR | RIGHT" to
// state and reason.
type checked map[string]check.Finding

func (w *world) online(code int) checked {
	w.Helper()
	a := w.want(code, "--output", "json", "validate", "--online")
	var v validation
	if err := json.Unmarshal([]byte(a.stdout), &v); err != nil {
		w.Fatalf("decode the answer: %v\n%s", err, a.stdout)
	}
	if v.OK != (code == 0) {
		w.Errorf("ok is %v and the exit code %d", v.OK, code)
	}
	found := checked{}
	for _, f := range v.Online {
		found[f.Where+" | "+f.Use+" | "+f.Right] = f
	}
	return found
}

// expect wants these findings, each "STATE: part of the reason".
func (w *world) expect(found checked, want map[string]string) {
	w.Helper()
	for key, text := range want {
		state, reason, _ := strings.Cut(text, ": ")
		f, ok := found[key]
		if !ok {
			w.Errorf("nothing is said about %s; there is\n%s", key, found)
		} else if string(f.State) != state || !strings.Contains(f.Reason, reason) {
			w.Errorf("%s is %s (%s), want %s", key, f.State, f.Reason, text)
		}
	}
}

func (c checked) String() string {
	var b strings.Builder
	for key, f := range c {
		b.WriteString("  " + key + " | " + string(f.State) + " | " + f.Reason + "\n")
	}
	return b.String()
}

const (
	staffOU  = `ou          = "OU=Staff,DC=ad,DC=test"`
	bind     = "directory | directory | bind"
	catalog  = "directory | global_catalog | search the forest"
	accepted = "application pipedrive | application | credentials"
)

// TestOnline checks the rights against a real domain controller and the
// simulator, and changes nothing there.
func TestOnline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5).race()
	before := w.lastChange()
	w.expect(w.online(0), map[string]string{
		bind: "granted: accepted as rollcall@ad.test by " + w.dc.URL,
		"directory | base_dn | read DC=ad,DC=test":                                     "granted",
		"directory | scope | read OU=Groups,DC=ad,DC=test":                             "granted",
		"directory | anchor | carry anchors in employeeNumber":                         "granted",
		"directory | automation staff | create accounts in OU=Staff,DC=ad,DC=test":     "granted",
		"directory | automation staff | move accounts to OU=Leavers,DC=ad,DC=test":     "granted",
		"directory | automation staff | write to accounts in OU=Staff,DC=ad,DC=test":   "granted: cn, displayName, employeeNumber, givenName, mail, sn, userAccountControl",
		"directory | automation staff | write to accounts in OU=Leavers,DC=ad,DC=test": "unknown: no account yet",
		accepted: `granted: accepted (auth = "api_key")`,
	})
	text := w.want(0, "validate", "--online").stdout
	for _, want := range []string{"the configuration is correct", "WHERE", "create accounts in OU=Staff,DC=ad,DC=test      granted  user objects may be made there", " granted, 0 lacking, "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if after := w.lastChange(); after != before {
		t.Errorf("the directory was changed: %d, then %d", before, after)
	}

	visitors := w.dc.OU("Visitors")
	w.dc.Add(t, visitors, map[string][]string{"objectClass": {"organizationalUnit"}})
	w.dc.AddUser(t, visitors, "Vera Visitor", "vvisitor", nil)
	outside := w.dc.AddGroup(t, visitors, "Day Guests")
	elsewhere := []string{
		`"OU=Staff,DC=ad,DC=test",`, `"OU=Staff,DC=ad,DC=test", "OU=Visitors,DC=ad,DC=test",`,
		staffOU, `ou = "OU=Visitors,DC=ad,DC=test"` + "\n" + `groups = ["` + string(outside) + `", "CN=CRM,OU=Groups,DC=ad,DC=test", "OU=Staff,DC=ad,DC=test"]`,
		`move_to = "OU=Leavers,DC=ad,DC=test"`, `move_to = "OU=Nowhere,OU=Leavers,DC=ad,DC=test"`,
		`givenName   = `, "titel = \"{{ user.name }}\"\ngivenName = ",
	}
	lacking := map[string]string{
		bind: "granted",
		"directory | automation staff | create accounts in OU=Visitors,DC=ad,DC=test":  "lacking: delegate to rollcall@ad.test on this OU: create user objects",
		"directory | automation staff | read OU=Nowhere,OU=Leavers,DC=ad,DC=test":      "lacking: does not exist",
		"directory | automation staff | add members to " + string(outside):             "lacking: write member",
		"directory | automation staff | add members to CN=CRM,OU=Groups,DC=ad,DC=test": "granted",
		"directory | automation staff | add members to OU=Staff,DC=ad,DC=test":         "lacking: it is no group",
		"directory | automation staff | write titel":                                   "lacking: the attribute does not exist in this directory",
		accepted: "granted",
	}
	w.configure(elsewhere...)
	w.expect(w.online(2), lacking)
	w.configure(append(elsewhere, "titel = ", "title = ")...)
	w.expect(w.online(2), map[string]string{
		"directory | automation staff | write to accounts in OU=Visitors,DC=ad,DC=test": "lacking: seen on CN=Vera Visitor,OU=Visitors,DC=ad,DC=test: delegate to rollcall@ad.test: write cn, displayName, employeeNumber",
	})

	// A running agent checks the file, not what it has in memory.
	w.configure()
	d := w.start()
	w.configure(elsewhere...)
	w.expect(w.online(2), lacking)
	d.stop()

	w.failing(t)
}

// failing has one thing fail at a time: the others are checked all the same.
func (w *world) failing(t *testing.T) {
	t.Helper()
	w.configure("bind_password = ", "global_catalog = \""+w.dc.URL+"\"\nbind_password = ")
	w.expect(w.online(0), map[string]string{bind: "granted", catalog: "granted: " + w.dc.URL + " answers for the forest"})
	w.configure("bind_password = ", "global_catalog = \"ldaps://127.0.0.19\"\nbind_password = ")
	w.expect(w.online(1), map[string]string{bind: "granted", catalog: "failed: refused"})
	w.write("wrong", "not-the-password")
	w.configure("/ad_password", "/wrong")
	w.expect(w.online(2), map[string]string{bind: "lacking: rollcall@ad.test", accepted: "granted"})
	w.configure(w.dc.URL, "ldaps://127.0.0.19:636")
	w.expect(w.online(1), map[string]string{bind: "failed: refused", accepted: "granted"})
	w.configure("/pipedrive_token", "/wrong")
	w.expect(w.online(2), map[string]string{bind: "granted", accepted: "lacking: next: check the credentials"})
	w.configure(w.api.URL, "http://127.0.0.1:1")
	w.expect(w.online(1), map[string]string{bind: "granted", accepted: "failed: refused"})
	w.unreadable()
	w.configure(staffOU, `ou = "OU={{ user.department }},OU=Staff,DC=ad,DC=test"`)
	w.expect(w.online(0), map[string]string{"directory | automation staff | create accounts": "unknown: computed for each person"})
}

// TestOnlineAtApplications compares the scopes of the manifest with those of
// the token, and its rights with what the connector finds out.
func TestOnlineAtApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.write("client_secret", "sim-secret")
	const users = "application pipedrive | endpoint users | scope users:read"
	for _, c := range []struct {
		scopes []string
		stored string
		code   int
		want   string
	}{
		{[]string{"base"}, "", 2, "lacking: the token has only: base; give the scope to the app at the vendor, then `rollcall authorize pipedrive`"},
		{[]string{"base", "users:read"}, "", 0, "granted"},
		{[]string{"base", "users:read"}, "silent", 0, "unknown: the vendor did not say"},
	} {
		vendor := sim.New(sim.Options{Seed: 1, People: 5, Scopes: c.scopes, Unlimited: true})
		api := httptest.NewServer(vendor)
		w.newState()
		w.configure(
			`auth      = "api_key"`, "auth = \"oauth2\"\nclient_id = \"sim-client\"\ntoken_url = \""+api.URL+"/oauth/token\"",
			`api_key   = "@{file:`+w.dir+`/pipedrive_token}"`, `client_secret = "@{file:`+w.dir+`/client_secret}"`,
			w.api.URL, api.URL,
		)
		token := `{"refresh_token":"1:1:sim-refresh"}`
		if c.stored == "silent" {
			token = `{"refresh_token":"1:1:sim-refresh","access_token":` + strconv.Quote(vendor.IssueAccessToken(c.scopes...)) + `}`
		}
		if a := w.with(token, "secret", "set", "oauth.pipedrive"); a.code != 0 {
			t.Fatal(a.stderr)
		}
		w.expect(w.online(c.code), map[string]string{accepted: "granted", users: c.want})
		api.Close()
	}
	w.rights(t)
}

// rights has the vendor tell what the user behind the credentials may do, or
// keep it to itself.
func (w *world) rights(t *testing.T) {
	t.Helper()
	const sees = "application pipedrive | endpoint users | see other users"
	for _, c := range []struct {
		me, permissions string
		code            int
		want            string
	}{
		{`[{"app":"global","admin":true}]`, "", 0, "granted: global admin"},
		{`[{"app":"sales","admin":false}]`, `{"can_see_other_users":false}`, 2, "lacking: would count as missing"},
		{`[{"app":"sales","admin":false}]`, "", 0, "unknown: cannot be read"},
		{`null`, `{"can_see_other_users":true}`, 0, "unknown: does not tell"},
	} {
		vendor := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			switch {
			case r.URL.Path == "/v1/users/me":
				_, _ = fmt.Fprintf(rw, `{"success":true,"data":{"id":7,"email":"ada@example.org","company_domain":"acme","access":%s}}`, c.me)
			case r.URL.Path == "/v1/users/7/permissions" && c.permissions != "":
				_, _ = fmt.Fprintf(rw, `{"success":true,"data":%s}`, c.permissions)
			default:
				rw.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprint(rw, `{"success":false,"error":"You do not have permissions to do this.","errorCode":403}`)
			}
		}))
		w.configure(w.api.URL, vendor.URL)
		w.expect(w.online(c.code), map[string]string{accepted: "granted", sees: c.want})
		vendor.Close()
	}
	// What the connector does not know is not left out.
	w.configure(`endpoints   = ["users"]`, `endpoints = ["leads"]`,
		"[data_sources.pipedrive_staff]", "[applications.pipedrive.endpoints.leads]\npath = \"/v1/leads\"\n[data_sources.pipedrive_staff]")
	w.expect(w.online(0), map[string]string{"application pipedrive | endpoint leads | ": "unknown: does not know this call"})
}

// lastChange is the highest USN of the domain, the bind account's own aside:
// the directory counts its logons.
func (w *world) lastChange() int64 {
	w.Helper()
	highest := int64(0)
	for _, e := range w.dc.Find(w, "(&(objectClass=*)(!(sAMAccountName=rollcall)))", "uSNChanged") {
		usn, err := strconv.ParseInt(e.Attributes.First("uSNChanged"), 10, 64)
		if err != nil {
			continue // not every object has one for whoever asks
		}
		highest = max(highest, usn)
	}
	return highest
}

// TestOnlineExit: what is lacking counts more than what failed, since asking
// again does not change it.
func TestOnlineExit(t *testing.T) {
	for want, states := range map[int][][]abi.RightState{
		0: {nil, {abi.RightGranted, abi.RightUnknown}},
		1: {{abi.RightGranted, check.Failed}},
		2: {{abi.RightLacking}, {check.Failed, abi.RightLacking, check.Failed}},
	} {
		for _, list := range states {
			var found []check.Finding
			for _, s := range list {
				found = append(found, check.Finding{Finding: abi.Finding{State: s}})
			}
			if got := onlineExit(found); got != want {
				t.Errorf("%v: exit code %d, want %d", list, got, want)
			}
		}
	}
}

// unreadable has what is needed from this machine be out of reach: that is told
// as such, and nobody is sent for another token or password.
func (w *world) unreadable() {
	w.Helper()
	w.configure("/pipedrive_token", "/gone_token")
	w.expect(w.online(1), map[string]string{bind: "granted", accepted: "failed: gone_token: no such file or directory; next: create it"})
	a := w.want(1, "plan", "staff")
	if !strings.Contains(a.stderr, "/gone_token: no such file or directory") || strings.Contains(a.stderr, "token may have been") || strings.Contains(a.stderr, "check the credentials") {
		w.Errorf("a token that cannot be read: %s", a.stderr)
	}
	w.configure("/ad_password", "/gone_password", w.dc.URL, w.dc.URL+`", "ldaps://127.0.0.19:636`)
	w.expect(w.online(1), map[string]string{bind: "failed: gone_password: no such file or directory; next: create it", accepted: "granted"})
	a = w.want(1, "plan", "staff")
	if !strings.Contains(a.stderr, "/gone_password: no such file") || strings.Contains(a.stderr, "127.0.0.19") {
		w.Errorf("a password that cannot be read is told once, and no other server is asked: %s", a.stderr)
	}
}
