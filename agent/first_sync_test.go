package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of docs/first-sync.md, one after the other as they stand there,
// bring the people of an application into the directory. They run as root, in
// folders /etc, /usr and /var of their own; systemctl is a script that does
// with the unit what systemd does.
func TestFirstSyncToTheLetter(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("unshare", "--mount", "--propagation", "private", "true").CombinedOutput(); err != nil && os.Getenv("ROLLCALL_REQUIRE_DC") == "" {
		t.Skipf("it needs root and the right to mount, which many containers lack: %v %s", err, out)
	}
	w := newWorld(t, 20)
	script := firstSync(w)
	file := w.write("first-sync.sh", script)
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "bash", "-euo", "pipefail", file)
	cmd.Dir = w.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"level=INFO msg=ready", "granted", "not of rollcall: 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it never says %q", want)
		}
	}
	if n := len(w.accounts()); n != 20 {
		t.Errorf("%d accounts", n)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// firstSync makes a script of the page: its commands, and what it tells the
// reader to do between them.
func firstSync(w *world) string {
	w.Helper()
	page, err := os.ReadFile("../docs/first-sync.md")
	if err != nil {
		w.Fatal(err)
	}
	dir := filepath.Join(w.dir, "first")
	w.stage(dir)
	var s strings.Builder
	fmt.Fprintf(&s, firstSyncStart, dir)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	for i, block := range blocks {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			fmt.Fprintf(&s, "echo '$ %s'\n", line)
			switch {
			case strings.HasSuffix(line, "/ad_password"):
				line = fmt.Sprintf("echo '%s' | %s", w.dc.BindPassword, line)
			case strings.HasSuffix(line, "/pipedrive_token"):
				line = "echo sim-api-token | " + line
			case line == "rollcall validate" && i < len(blocks)-1:
				s.WriteString("cp agent.toml /etc/rollcall/agent.toml # every CHANGE\n")
			case line == "rollcall validate":
				s.WriteString("sed -i 's/^# schedule /schedule /' /etc/rollcall/agent.toml\n")
			}
			s.WriteString(line + "\n")
		}
	}
	s.WriteString(firstSyncEnd)
	return s.String()
}

const firstSyncStart = `cd '%s'
export FIRST_SYNC=/mnt
mount -t tmpfs -o mode=755 tmpfs /mnt
for folder in etc usr var; do
  mkdir /mnt/$folder /mnt/$folder-work
  mount -t overlay -o "lowerdir=/$folder,upperdir=/mnt/$folder,workdir=/mnt/$folder-work" overlay /$folder
done
install -m 755 systemctl /usr/local/bin/systemctl
export PATH=/usr/local/bin:$PATH
rm -rf /etc/rollcall /var/lib/rollcall
trap 'systemctl stop rollcall' EXIT
`

const firstSyncEnd = `
cat "$FIRST_SYNC/log"
echo "not of rollcall: $(find /var/lib/rollcall ! -user rollcall | wc -l)"
[ "$(stat -c '%a %U' /var/lib/rollcall)" = "700 rollcall" ]
! setpriv --reuid=rollcall --regid=rollcall --init-groups test -r /etc/rollcall/ad_password
! setpriv --reuid=rollcall --regid=rollcall --init-groups test -w /etc/rollcall/agent.toml
`

// stage puts what the reader has into a folder: what was built, the files of
// configs, the certificate, and the configuration as it is after every CHANGE.
func (w *world) stage(dir string) {
	w.Helper()
	modules := filepath.Join(dir, "bin", "modules")
	config := strings.NewReplacer(
		filepath.Join(w.dir, "state"), "/var/lib/rollcall", build().modules, "/usr/lib/rollcall/modules",
		w.dc.CAFile, "/etc/rollcall/ca.pem", "@{file:"+w.dir+"/", "@{cred:", "schedule    = ", "# schedule  = ",
	)
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			w.Fatal(err)
		}
		return string(b)
	}
	if err := os.MkdirAll(modules, 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "configs"), 0o755); err != nil {
		w.Fatal(err)
	}
	for name, text := range map[string]string{
		"bin/rollcall": read(w.binary), "bin/modules/pipedrive.wasm": read(filepath.Join(build().modules, "pipedrive.wasm")),
		"configs/agent.toml": read("../configs/agent.toml"), "configs/rollcall.service": read("../configs/rollcall.service"),
		"ca.pem": read(w.dc.CAFile), "agent.toml": config.Replace(read(w.config)), "systemctl": read("testdata/systemctl.sh"),
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			w.Fatal(err)
		}
	}
}
