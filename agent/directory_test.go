package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// TestWhatIsMisconfigured breaks one thing at a time: each gives one clear
// error, the right exit code, and no account.
func TestWhatIsMisconfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	foreign := t.TempDir()
	if err := os.WriteFile(foreign+"/pipedrive.wasm", []byte("\x00asm\x01\x00\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.write("wrong_password", "not-the-password")
	w.write("other_ca.pem", otherCA)
	w.write("open_password", "x")
	if err := os.Chmod(w.dir+"/open_password", 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		replace []string
		code    int
		says    []string
	}{
		{"unreachable DC", []string{w.dc.URL, "ldaps://127.0.0.19:636"}, 1, []string{"ldaps://127.0.0.19:636", "refused"}},
		{"wrong password", []string{"/ad_password", "/wrong_password"}, 1, []string{"rollcall@ad.test", "password"}},
		{"certificate of another authority", []string{w.dc.CAFile, w.dir + "/other_ca.pem"}, 1, []string{"other_ca.pem", "certificate"}},
		{"CA file that is not there", []string{w.dc.CAFile, w.dir + "/none.pem"}, 1, []string{"none.pem"}},
		{"no connector", []string{build().modules, t.TempDir()}, 1, []string{`no connector "pipedrive"`, "next: put pipedrive.wasm"}},
		{"foreign module", []string{build().modules, foreign}, 1, []string{"pipedrive.wasm", "manifest"}},
		{"unsigned module", []string{"allow_unsigned = true", "allow_unsigned = false"}, 1, []string{"sign"}},
		{"endpoint that does not exist", []string{`endpoints   = ["users"]`, `endpoints = ["people"]`}, 1, []string{`no endpoint "people"`, "users"}},
		{"secret that others can read", []string{"/ad_password", "/open_password"}, 1, []string{"open_password", "chmod"}},
		{"secret that is not there", []string{"/pipedrive_token", "/none"}, 1, []string{"none"}},
		{"OU that does not exist", []string{`ou          = "OU=Staff,DC=ad,DC=test"`, `ou = "OU=Nowhere,OU=Staff,DC=ad,DC=test"`}, 4, []string{"OU=Nowhere", "next:"}},
		{"misspelled key", []string{"adopt = ", "adobt = "}, 2, []string{"agent.toml:", `"adobt"`, `did you mean "adopt"`}},
	}
	for _, tc := range cases {
		w.newState()
		w.configure(tc.replace...)
		a := w.rollcall("apply", "staff")
		if a.code != tc.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tc.name, a.code, tc.code, a.stdout, a.stderr)
		}
		for _, want := range tc.says {
			if !strings.Contains(a.stdout+a.stderr, want) {
				t.Errorf("%s: the admin is not told %q:\n%s%s", tc.name, want, a.stdout, a.stderr)
			}
		}
		if strings.Contains(a.stdout+a.stderr, "not-the-password") || strings.Contains(a.stdout+a.stderr, "sim-api-token") {
			t.Errorf("%s: a secret is shown:\n%s%s", tc.name, a.stdout, a.stderr)
		}
		if n := len(w.accounts()); n != 0 {
			t.Fatalf("%s: %d accounts were made", tc.name, n)
		}
	}
}

// TestHandsOff has accounts that must not be touched meet records that match
// them: protected ones, disabled ones, and ones outside of scope.
func TestHandsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	staff, elsewhere := w.dc.OU("Staff"), w.dc.OU("Elsewhere")
	mail := func(name string) map[string][]string { return map[string][]string{"mail": {name + "@example.org"}} }
	w.dc.AddUser(t, staff, "Plain Match", "plainmatch", mail("plain"))
	w.dc.AddUser(t, elsewhere, "Out Side", "outside", mail("out"))
	admin := w.dc.AddUser(t, staff, "Dora Admin", "doraadmin", mail("dora"))
	w.dc.AddMember(t, "CN=Domain Admins,CN=Users,DC=ad,DC=test", w.dc.Get(t, "<GUID="+ident.DN(admin)+">").DN)
	sleeper := w.dc.AddUser(t, staff, "Dis Abled", "disabled", mail("dis"))
	w.dc.Replace(t, "<GUID="+ident.DN(sleeper)+">", "userAccountControl", "514")
	for _, name := range []string{"plain", "out", "dora", "dis"} {
		w.sim.Add("Given "+name, name+"@example.org")
	}
	before := w.dc.Find(t, "(mail=*@example.org)", "whenChanged", "displayName", "userAccountControl", "employeeNumber")
	r := w.apply(3)
	if len(r.Summary.Quarantined) != 3 {
		t.Errorf("quarantined: %+v", r.Summary.Quarantined)
	}
	if n := r.Counts[ident.ClassAdopt][ident.ResultHeld]; n != 1 {
		t.Errorf("%d adoptions held, want the plain one", n)
	}
	for _, e := range before {
		now := w.dc.Get(t, "<GUID="+ident.DN(e.GUID)+">", "displayName", "userAccountControl", "employeeNumber")
		if now.Attributes.First("employeeNumber") != "" || now.Attributes.First("displayName") != e.Attributes.First("displayName") ||
			now.Attributes.First("userAccountControl") != e.Attributes.First("userAccountControl") || !now.DN.EqualFold(e.DN) {
			t.Errorf("%s was touched: %+v", e.DN, now)
		}
	}
	w.want(0, "approve", itoa(r.ID))
	if now := w.dc.Find(t, "(sAMAccountName=plainmatch)", "employeeNumber"); now[0].Attributes.First("employeeNumber") == "" {
		t.Error("the approved adoption wrote no anchor")
	}
}

// TestALostAnswer has the network fail while accounts are created: the domain
// controller carries the last writes out and its answers never arrive. The run
// fails, and the next one finds what was made instead of making it again.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 150).race()
	p := w.dc.Proxy(t)
	w.configure(w.dc.URL, p.URL, `anchor = "employeeNumber"`, "anchor = \"employeeNumber\"\ntimeout = \"10s\"")
	for _, fail := range []func(){p.Silence, p.Cut} {
		before := len(w.accounts())
		ended := make(chan answer, 1)
		go func() { ended <- w.rollcall("apply", "staff") }()
		for ; len(w.accounts()) < before+10; time.Sleep(poll) {
			select {
			case a := <-ended:
				t.Fatalf("the run ended too early with %d\n%s%s", a.code, a.stdout, a.stderr)
			default:
			}
		}
		a := failing(fail, ended)
		if a.code != 1 {
			t.Fatalf("the run whose answers were lost ended with %d\n%s%s", a.code, a.stdout, a.stderr)
		}
		p.Answer()
	}
	w.configure()
	made := len(w.accounts())
	r := w.apply(0)
	if n := r.Counts[ident.ClassCreate][ident.ResultApplied]; n+made > len(w.accounts()) {
		t.Errorf("%d accounts were there, %d were created, %d are there", made, n, len(w.accounts()))
	}
	w.settled()
}

// failing has the network fail until the run has ended: a connection that is
// cut between two writes is only opened anew.
func failing(fail func(), ended <-chan answer) answer {
	for {
		fail()
		select {
		case a := <-ended:
			return a
		case <-time.After(time.Millisecond):
		}
	}
}

// TestApproveAndReject decides about what a limit holds: the same is not asked
// twice, and a rejection counts until the reason for it is gone.
func TestApproveAndReject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6, `disable = "5%"`, `disable = 0`).race()
	w.apply(0)
	leave := func(active bool) { mustPerson(t)(w.sim.SetActive(4, active)) }
	held := func(r engine.Report) int { return r.Counts[ident.ClassDisable][ident.ResultHeld] }
	leave(false)
	first := w.apply(3)
	if again := w.apply(3); held(first) != 1 || held(again) != 0 || again.Waiting != 1 {
		t.Fatalf("held %d, then %d with %d waiting", held(first), held(again), again.Waiting)
	}
	w.want(2, "approve", "--only", "create", itoa(first.ID))
	w.want(0, "reject", itoa(first.ID))
	w.want(2, "approve", itoa(first.ID))
	if r := w.apply(0); held(r) != 0 || disabled(w.accounts()["pipedrive:4"]) {
		t.Fatalf("after the rejection: %+v", r.Counts)
	}
	if p := w.plan(0); p.Changes[0].Operations[0].Verdict != ident.VerdictRejected {
		t.Errorf("the plan does not say that it was rejected: %+v", p.Changes)
	}
	leave(true)
	w.apply(0)
	leave(false)
	second := w.apply(3)
	if held(second) != 1 {
		t.Fatalf("a new leave is not asked about: %+v", second.Counts)
	}
	leave(true)
	if r := w.apply(0); r.Waiting != 0 {
		t.Fatalf("a returner's disable still waits: %+v", r)
	}
	w.want(2, "approve", itoa(second.ID))
	leave(false)
	third := w.apply(3)
	w.want(0, "approve", itoa(third.ID))
	if e := w.accounts()["pipedrive:4"]; !disabled(e) || !e.DN.Under(w.dc.OU("Leavers")) {
		t.Errorf("the approved disable was not made: %+v", e)
	}
	w.settled()
}

// TestLinkByHand links a person without an e-mail address to an account, and
// is refused what an adoption would be refused.
func TestLinkByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.apply(0)
	u := w.sim.Add("Nora Nobody", "nora@example.org")
	mustPerson(t)(w.sim.Change(u.ID, func(u *sim.User) { u.Email = sim.Null() }))
	account := w.dc.AddUser(t, w.dc.OU("Staff"), "N. Nobody", "nnobody", nil)
	w.dc.AddUser(t, w.dc.OU("Elsewhere"), "Far Away", "faraway", nil)
	w.apply(4)
	for account, says := range map[string]string{
		"faraway": "is outside the scope", "nobody-here": "no account", "anovak": "is linked to the key 1", "krbtgt": "is outside the scope",
		"rollcall": "is outside the scope", "ddisabled": "is disabled", "pprotected": "is protected", "CRM": "is no user account",
	} {
		if a := w.rollcall("link", "add", "staff", itoa(u.ID), account); a.code != 2 || !strings.Contains(a.stderr, says) {
			t.Errorf("link to %s: %d %s", account, a.code, a.stderr)
		}
	}
	if a := w.want(2, "link", "add", "staff", "99999", "nnobody"); !strings.Contains(a.stderr, "pipedrive does not deliver a record with the key 99999") {
		t.Errorf("link to a key that is not there: %s", a.stderr)
	}
	a := w.want(0, "link", "add", "staff", itoa(u.ID), "nnobody")
	for _, says := range []string{"record   Nora Nobody", "account  N. Nobody", "nnobody, enabled", "CN=N. Nobody,OU=Staff"} {
		if !strings.Contains(a.stdout, says) {
			t.Errorf("the answer does not say %q:\n%s", says, a.stdout)
		}
	}
	w.want(2, "link", "add", "staff", "1", "nnobody")
	w.apply(0)
	if e := w.accounts()["pipedrive:"+itoa(u.ID)]; e.GUID != account || e.Attributes.First("displayName") != "Nora Nobody" {
		t.Errorf("the linked account is %+v", e)
	}
	w.settled()
	w.want(0, "link", "remove", "pipedrive", itoa(u.ID))
	if r := w.apply(3); r.Counts[ident.ClassAdopt][ident.ResultHeld] != 1 {
		t.Errorf("after the link was removed: %+v", r.Counts)
	}
}

// otherCA is a certificate authority that signed nothing here.
const otherCA = `-----BEGIN CERTIFICATE-----
MIIBkDCCATWgAwIBAgIUQskj6BBv3D1EfHcctQYQWjL1eOowCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQW5vdGhlciBBdXRob3JpdHkwIBcNMjYxMTIyMDYxMTQ2WhgP
MjEyNjEwMjkwNjExNDZaMBwxGjAYBgNVBAMMEUFub3RoZXIgQXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWVeh2i+SroKTn9kd0y/E1FWlIQKAxnDT
Ua+/mgct18tqo70QRc2c5BDmspnqyN/ZABkKv4R/Vj/osNnXBeWyD6NTMFEwHQYD
VR0OBBYEFA18yuhJHlWt+eHqZosyA/7soNZtMB8GA1UdIwQYMBaAFA18yuhJHlWt
+eHqZosyA/7soNZtMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIh
AOPPv+Cmf6nMo/3DO+4bFsRE9L5lJb6KW1ZVkYfgw4h0AiEAy6JWBrbcL5UFd/hg
oOmV9hxwwmc/X84kMUAU5BcqaJk=
-----END CERTIFICATE-----
`
