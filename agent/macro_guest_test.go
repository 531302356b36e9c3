package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

const guestManifest = `
name = "guest"
version = "1.0.0"
abi = "rollcall_v1"
title = "Guest"
hosts = ["*.example.org"]
macro_roots = ["ad"]
auth = [{ kind = "api_key", header = "X-Api-Token" }]
endpoints = [{ name = "all", path = "/", records = "", key = "/id" }]
`

// asksBack has a connector render what stands in the attribute info of a user, and
// hands the initial password of new ones to it besides.
const asksBack = `[applications.guest]
connector = "guest"
auth = "api_key"
base_url = "GUEST"
api_key = "@{file:DIR/pipedrive_token}"
[webhooks.macro]
application = "guest"
message_type = "text"
path = "/none"
body = "{{ ad.info }}"
repeatable = true
[webhooks.tell]
application = "guest"
message_type = "text"
path = "/tell"
body = "{{ password }}"
repeatable = true
[orchestrations.ask]
steps = [{ webhook = "macro", retry = { attempts = 1 } }]
[orchestrations.welcome]
steps = [{ webhook = "macro", retry = { attempts = 1 }, on_error = "continue" }, { webhook = "tell" }]
[automations.staff]
password = { deliver = "welcome" }
after = { created = "welcome" }`

// withGuest gives the world a modules folder with Pipedrive's connector and the one
// of the host's tests.
func (w *world) withGuest() string {
	w.Helper()
	dir := w.modules()
	code, err := buildGuest("guest")
	if err == nil {
		code, err = host.Embed(code, []byte(guestManifest))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "guest.wasm"), code, 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
	return dir
}

// TestAConnectorAsksBack: while it delivers, a connector has templates of its own
// rendered about the object in the directory, as far as its manifest says. It gets
// no password, also while that is about to be handed over.
func TestAConnectorAsksBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var mu sync.Mutex
	var asks, passwords []string
	guest := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/tell" {
			passwords = append(passwords, string(body))
		} else {
			asks = append(asks, r.URL.RequestURI()+string(body))
		}
		_, _ = rw.Write([]byte(`{"ok":true}`))
	}))
	t.Cleanup(guest.Close)
	w.configure(build().modules, w.withGuest(), "[automations.staff]", strings.NewReplacer("GUEST", guest.URL, "DIR", w.dir).Replace(asksBack),
		"[data_sources.pipedrive_staff.attributes]\n", "[data_sources.pipedrive_staff.attributes]\ninfo = '{{ \"{{\" }} password }}'\n")
	const name = `Ada & "Bob"/ü`
	wants := map[string]string{ // by template
		"{{ ad.displayName }}":       "",
		"{{ manager.displayName }}":  "the manifest does not declare manager under macro_roots",
		"{{ links.pipedrive.key }}":  "the manifest does not declare links under macro_roots",
		"{{ ad.pager }}":             "ad.pager",
		"{{ ad.unicodePwd }}":        "ad.unicodePwd",
		"{{ password }}":             "unknown name password",
		"{{ upper(ad.displayName }}": "1:",
	}
	templates := map[string]string{} // by name
	for template := range wants {
		sam := "guest" + strconv.Itoa(len(templates))
		templates[sam] = template
		w.dc.AddUser(t, w.dc.OU("Staff"), sam, sam, map[string][]string{"displayName": {name}, "info": {template}})
		w.want(0, "orchestrate", "ask", "--yes", "--user", sam)
	}
	w.apply(0)
	d := w.start()
	all := w.allEnded()
	texts := d.said()
	for _, i := range all {
		show := w.want(0, "orchestrations", "show", strconv.FormatInt(i.ID, 10)).stdout
		texts += show
		if want := wants[templates[i.DN.Name()]]; i.Orchestration == "ask" && (!strings.Contains(show, want) || (i.Status == store.InstanceDone) != (want == "")) {
			t.Errorf("%s: %s, want %q:\n%s", templates[i.DN.Name()], i.Status, want, show)
		}
		if i.Orchestration == "welcome" && !strings.Contains(show, "unknown name password") {
			t.Errorf("of a new account:\n%s", show)
		}
	}
	d.stop()
	if d := cmp.Diff([]string{"/macro?q=" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")}, asks); d != "" {
		t.Error(d)
	}
	if len(all) != len(wants)+1 || len(passwords) != 1 || host.Redact(texts, passwords...) != texts {
		t.Errorf("%d have ended, %d passwords were handed over; one is shown, or:\n%s", len(all), len(passwords), texts)
	}
}
