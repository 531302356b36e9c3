package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const receiverTables = `
[receiver]
listen  = "0.0.0.0:8443"
url     = "https://rollcall.example.com/hooks/"
tls     = { cert_file = "tls/cert.pem", key_file = "tls/key.pem" }
max_age = "30m"
[applications.pipedrive.receiver]
enabled  = true
username = "pipedrive"
password = "@{env:HOOK_PASSWORD}"
`

func TestReceiverIsRead(t *testing.T) {
	dir := writeFiles(t, map[string]string{"agent.toml": base(t) + receiverTables})
	c, err := Load(filepath.Join(dir, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Receiver{
		Listen: "0.0.0.0:8443", URL: "https://rollcall.example.com/hooks/", MaxBodyKiB: 256, MaxAge: 30 * time.Minute,
		TLS: ReceiverTLS{CertFile: filepath.Join(dir, "tls/cert.pem"), KeyFile: filepath.Join(dir, "tls/key.pem")},
	}
	if diff := cmp.Diff(want, c.Receiver); diff != "" {
		t.Error(diff)
	}
	own := c.Applications["pipedrive"].Receiver
	if !own.Enabled || own.Username != "pipedrive" || own.Password.Name != "HOOK_PASSWORD" || !own.Secret.IsZero() {
		t.Errorf("%+v", own)
	}
	if got := c.ReceiverAddress("pipedrive", "/v2"); got != "https://rollcall.example.com/hooks/pipedrive/v2" {
		t.Error(got)
	}
	if !slices.ContainsFunc(c.NamedSecrets(), func(s NamedSecret) bool { return s.Key == "[applications.pipedrive.receiver] password" }) {
		t.Error("the agent is ready although it cannot read the password")
	}
}

// TestNothingListensByDefault: a way in from outside is opened only on purpose.
func TestNothingListensByDefault(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": base(t)})
	if c.Receiver.Listen != "" || c.Applications["pipedrive"].Receiver.Enabled || c.ReceiverAddress("pipedrive", "") != "" {
		t.Errorf("%+v", c.Receiver)
	}
	if c.Receiver.MaxBodyKiB != 256 || c.Receiver.MaxAge != time.Hour {
		t.Errorf("%+v", c.Receiver)
	}
}

func TestWarningsOfReceivers(t *testing.T) {
	for name, c := range map[string]struct{ old, with, want string }{
		"all is well":          {"", "", ""},
		"nobody listens":       {`listen  = "0.0.0.0:8443"`, "", `the receiver of application "pipedrive" takes nothing: [receiver] does not listen`},
		"nobody may send":      {"enabled  = true", "", "the receiver takes nothing: no application has receiver.enabled"},
		"application disabled": {"[applications.pipedrive]", "[applications.pipedrive]\nenabled = false", `the receiver of application "pipedrive" takes nothing: the application is not enabled`},
	} {
		text := strings.Replace(base(t)+receiverTables, c.old, c.with, 1)
		var got []string
		for _, w := range mustLoad(t, map[string]string{"agent.toml": text}).Warnings {
			if strings.Contains(w.Message, "takes nothing") {
				got = append(got, w.String())
			}
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// TestReceiverIsNoPartOfAPlan: who may tell of changes does not change what a plan
// does, and a running agent is told of any difference.
func TestReceiverIsNoPartOfAPlan(t *testing.T) {
	without, with := base(t), base(t)+receiverTables
	if digest(t, without) != digest(t, with) {
		t.Error("a saved plan is outdated by the receiver")
	}
	former, now := mustLoad(t, map[string]string{"agent.toml": without}), mustLoad(t, map[string]string{"agent.toml": with})
	if got := said(now.Differences(former)); got != "[applications.pipedrive] (receiver); [receiver] (listen, max_age, tls, url)" {
		t.Error(got)
	}
	if got := said(now.DifferencesFor(former, "staff")); got != "" {
		t.Error(got)
	}
}

// TestTheCommentedExampleLoads: whoever takes the marks away has a receiver.
func TestTheCommentedExampleLoads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(examples, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	before, example, found := strings.Cut(string(text), "# [receiver]\n")
	if !found {
		t.Fatal("configs/agent.toml shows no receiver")
	}
	lines := strings.Split("# [receiver]\n"+example, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "# ")
	}
	files := map[string]string{"agent.toml": before + strings.Join(lines, "\n")}
	wantNoWarnings(t, files)
	if c := mustLoad(t, files); c.Receiver.Listen == "" || !c.Applications["pipedrive"].Receiver.Enabled {
		t.Errorf("%+v", c.Receiver)
	}
}
