//go:build !windows

package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
)

// TestRootLooksForTheAgentsUser: root can read every secret. The agent runs as
// the owner of the state folder, and its rights are what counts.
func TestRootLooksForTheAgentsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the tests need root")
	}
	dir, err := os.MkdirTemp("", "nearby") // others may enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const nobody = 65534
	state, secret := filepath.Join(dir, "state"), filepath.Join(dir, "secret")
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(state, 0o700), os.Chown(state, nobody, nobody), os.WriteFile(secret, []byte("x"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "agent.toml")
	changed := strings.NewReplacer(`"state"`, `"`+state+`"`, "@{store:pipedrive}", "@{file:"+secret+"}").Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AD_PASSWORD", "x")
	look := func() string {
		n := lookNearby(t.Context(), cfg)
		return strings.Join(append(n.wrong, n.warnings...), "\n")
	}
	want := file + ":19:14: warning: [applications.pipedrive] api_key: user nobody cannot read " + secret +
		": permission denied (it belongs to root, mode 0600); next: give it to that user, as root: chown nobody " + secret + " && chmod 600 " + secret +
		" (the state folder " + state + " is that user's, so the agent runs as them)"
	if got := look(); got != want {
		t.Errorf("root's own secret:\ngot  %s\nwant %s", got, want)
	}
	if err := os.Chown(secret, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != "" {
		t.Errorf("the agent's own secret: %s", got)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := look(); !strings.Contains(got, "the folder "+dir+" (it belongs to root, mode 0700) keeps this user out") {
		t.Errorf("a folder on the way: %s", got)
	}
}

// TestASecretOfTheReceiverThatCouldBeGuessed is found before the agent starts.
func TestASecretOfTheReceiverThatCouldBeGuessed(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("../../testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	file, secret := filepath.Join(dir, "agent.toml"), filepath.Join(dir, "secret")
	more := "\n[receiver]\nlisten = \"127.0.0.1:0\"\nurl = \"https://x.example\"\n" +
		"[applications.pipedrive.receiver]\nenabled = true\nusername = \"u\"\npassword = \"@{file:" + secret + "}\"\n"
	if err := os.WriteFile(file, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AD_PASSWORD", "x")
	for password, wrong := range map[string]bool{"hunter2": true, strings.Repeat("x", 16): false} {
		if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(lookNearby(t.Context(), cfg).wrong, "\n")
		said := strings.Contains(got, "[applications.pipedrive.receiver] password: the password or secret of the receiver has 7 characters; it must have 16 or more")
		if said != wrong || strings.Contains(got, password) {
			t.Errorf("%d characters: %s", len(password), got)
		}
	}
}
