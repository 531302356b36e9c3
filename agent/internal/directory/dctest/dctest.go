// Package dctest gives tests a real Active Directory: a Samba domain
// controller on a loopback address, started by scripts/dc.sh from a snapshot,
// fresh for each test binary. It does not imitate LDAP, and only tests import
// it.
//
// If no domain controller is available (not Linux, not root, no Samba), a test
// is skipped with a line that starts "DC TESTS DID NOT RUN:". With the
// environment variable ROLLCALL_REQUIRE_DC=1 it fails instead.
package dctest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// DC is a running domain controller of the domain ad.test, seeded as
// scripts/dc-seed.ldif says.
type DC struct {
	URL    string // ldaps:// and the loopback address
	IP     string
	CAFile string
	BaseDN ident.DN

	BindDN, BindPassword string // the agent's account: delegated rights, no administrator
	AdminDN              ident.DN
	AdminPassword        string
	UserPassword         string // of the seeded accounts

	dir    string
	script string
	mu     sync.Mutex
	admin  *ldap.Conn
}

// shared is the domain controller of a test binary whose TestMain calls Main.
var shared struct {
	sync.Mutex
	used bool
	dc   *DC
	err  error
}

// Main runs the tests of a package that all use one domain controller:
//
//	func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }
//
// It is started by the first call of Start and stopped when the tests are done.
func Main(m *testing.M) int {
	shared.used = true
	code := m.Run()
	if shared.dc != nil {
		if err := shared.dc.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return max(code, 1)
		}
	}
	return code
}

// Start returns the shared domain controller of the test binary, or without
// Main a fresh one that is stopped when the test ends.
func Start(t testing.TB) *DC {
	t.Helper()
	if !shared.used {
		return Fresh(t)
	}
	require(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.dc == nil && shared.err == nil {
		shared.dc, shared.err = start()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.dc
}

// Fresh starts a domain controller for t alone and stops it when t ends.
func Fresh(t testing.TB) *DC {
	t.Helper()
	require(t)
	dc, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dc.stop(); err != nil {
			t.Error(err)
		}
	})
	return dc
}

// OU returns the DN of an organizational unit directly below the naming context.
func (d *DC) OU(name string) ident.DN {
	return ident.DN("OU=" + ident.EscapeValue(name) + "," + string(d.BaseDN))
}

// require skips or fails the test if no domain controller is available here.
func require(t testing.TB) {
	t.Helper()
	why := missing()
	if why == "" {
		return
	}
	if os.Getenv("ROLLCALL_REQUIRE_DC") == "1" {
		t.Fatalf("DC TESTS DID NOT RUN: %s, and ROLLCALL_REQUIRE_DC=1 requires them", why)
	}
	t.Skipf("DC TESTS DID NOT RUN: %s", why)
}

func missing() string {
	if runtime.GOOS != "linux" {
		return "a Samba domain controller runs on Debian only, this is " + runtime.GOOS
	}
	if os.Geteuid() != 0 {
		return "a Samba domain controller needs root"
	}
	for _, name := range []string{"samba", "samba-tool", "ldbmodify", "ldapsearch"} {
		if _, err := exec.LookPath(name); err != nil {
			return "Samba is not installed (" + name + " is missing; on Debian: scripts/dc.sh install)"
		}
	}
	return ""
}

func start() (*DC, error) {
	script, err := findScript()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rollcall-dc-")
	if err != nil {
		return nil, fmt.Errorf("start domain controller: %w", err)
	}
	// The script's supervisor ends the domain controller and removes dir when
	// this process is gone, whatever ended it.
	out, err := exec.CommandContext(context.Background(), script, "start", dir, "--for", strconv.Itoa(os.Getpid()),
		"--remove").CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start domain controller: %w\n%s", err, out), os.RemoveAll(dir))
	}
	env, err := readEnv(filepath.Join(dir, "dc.env"))
	if err != nil {
		return nil, fmt.Errorf("start domain controller: %w", err)
	}
	return &DC{
		URL: env["DC_URL"], IP: env["DC_IP"], CAFile: env["DC_CA_FILE"], BaseDN: ident.DN(env["DC_BASE_DN"]),
		BindDN: env["DC_BIND_DN"], BindPassword: env["DC_BIND_PASSWORD"],
		AdminDN: ident.DN(env["DC_ADMIN_DN"]), AdminPassword: env["DC_ADMIN_PASSWORD"],
		UserPassword: env["DC_USER_PASSWORD"], dir: dir, script: script,
	}, nil
}

func (d *DC) stop() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admin != nil {
		_ = d.admin.Close()
	}
	out, err := exec.CommandContext(context.Background(), d.script, "stop", d.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("stop domain controller: %w\n%s", err, out)
	}
	return os.RemoveAll(d.dir)
}

// findScript walks up from the package under test to the module's root.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		script := filepath.Join(dir, "scripts", "dc.sh")
		if _, err := os.Stat(script); err == nil {
			return script, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("start domain controller: no scripts/dc.sh above the package under test")
		}
	}
}

// readEnv reads lines of the form NAME='value'.
func readEnv(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	env := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			env[key] = strings.Trim(value, "'")
		}
	}
	return env, lines.Err()
}
