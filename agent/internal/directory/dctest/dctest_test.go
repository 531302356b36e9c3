package dctest_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

func TestSeededDomain(t *testing.T) {
	dc := dctest.Start(t)
	for _, sam := range []string{"rollcall", "hmade", "ddisabled", "pprotected", "aadmin", "ooutside", "CRM"} {
		if found := dc.Find(t, "(sAMAccountName="+sam+")"); len(found) != 1 {
			t.Errorf("%d objects with sAMAccountName %s, want 1", len(found), sam)
		}
	}
	if err := dc.CanBind(t, dc.BindDN, dc.BindPassword); err != nil {
		t.Errorf("bind as the agent's account: %v", err)
	}
	agent := dc.Get(t, "CN=rollcall,CN=Users,DC=ad,DC=test", "memberOf", "adminCount")
	if len(agent.Attributes.Values("memberOf"))+len(agent.Attributes.Values("adminCount")) != 0 {
		t.Errorf("the agent's account is privileged: %v", agent.Attributes)
	}
}

// TestEscapedNamesAreReadBack holds the escape of names in DNs against a
// domain controller: an OU and a group of each name, found by the DN that was
// written.
func TestEscapedNamesAreReadBack(t *testing.T) {
	dc := dctest.Start(t)
	top := dc.OU("Escapes")
	dc.Add(t, top, map[string][]string{"objectClass": {"organizationalUnit"}})
	for i, name := range []string{"a=b", "=", "#lead", "mid#dle", `a,b+c"d\e<f>g;h`, "two\\\\", "R&D / Sales", "é=ß", "trailing\\", "*(x)*"} {
		ou := ident.DN("OU=" + ident.EscapeValue(name) + "," + string(top))
		dc.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
		if got := dc.Get(t, ou, "ou"); got.Attributes.First("ou") != name || !got.DN.EqualFold(ou) {
			t.Errorf("OU %q was written as %s and read as %s, %q", name, ou, got.DN, got.Attributes.First("ou"))
		}
		group := ou.Child(name)
		dc.Add(t, group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {fmt.Sprintf("escape%d", i)}})
		if got := dc.Get(t, group, "cn"); got.Attributes.First("cn") != name || !got.DN.EqualFold(group) {
			t.Errorf("group %q was written as %s and read as %s, %q", name, group, got.DN, got.Attributes.First("cn"))
		}
	}
}

func TestStartSharesAndFreshDoesNot(t *testing.T) {
	dc := dctest.Start(t)
	if again := dctest.Start(t); again != dc {
		t.Error("two calls of Start gave two domain controllers")
	}
	fresh := dctest.Fresh(t)
	if fresh.URL == dc.URL {
		t.Fatalf("a fresh domain controller answers at %s of the shared one", fresh.URL)
	}
	dc.AddUser(t, dc.OU("Staff"), "Only Here", "onlyhere", nil)
	if found := fresh.Find(t, "(sAMAccountName=onlyhere)"); len(found) != 0 {
		t.Error("a fresh domain controller knows an object of the shared one")
	}
}

// TestChild is the program of the tests below, in a process of its own;
// in the parent it does nothing.
func TestChild(t *testing.T) {
	if os.Getenv("DCTEST_CHILD") == "" {
		return
	}
	os.Stdout.WriteString("address " + dctest.Start(t).IP + ":636\n")
	if os.Getenv("DCTEST_CHILD") == "panic" {
		panic("on purpose")
	}
	select {}
}

func TestNothingIsLeftRunning(t *testing.T) {
	dctest.Start(t) // skips where there is none
	for _, how := range []string{"kill", "panic"} {
		t.Run(how, func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^TestChild$")
			child.Env = append(os.Environ(), "DCTEST_CHILD="+how)
			out, err := child.StdoutPipe()
			if err == nil {
				err = child.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			address := ""
			for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
				address, _ = strings.CutPrefix(lines.Text(), "address ")
			}
			if how == "kill" {
				child.Process.Signal(syscall.SIGKILL)
			}
			child.Wait()
			soak.Await(t, "no domain controller listens at "+address, func() bool {
				c, err := net.Dial("tcp", address)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
		})
	}
}

func TestWithoutSamba(t *testing.T) {
	for _, required := range []bool{false, true} {
		child := exec.Command(os.Args[0], "-test.run=^TestSeededDomain$", "-test.v")
		child.Env = []string{"PATH=/nonexistent"}
		if required {
			child.Env = append(child.Env, "ROLLCALL_REQUIRE_DC=1")
		}
		out, err := child.CombinedOutput()
		if !strings.Contains(string(out), "DC TESTS DID NOT RUN: ") {
			t.Errorf("required %v: no word that tests did not run in:\n%s", required, out)
		}
		if failed := err != nil; failed != required {
			t.Errorf("required %v: failed is %v:\n%s", required, failed, out)
		}
	}
}

func TestProxyCutsAndHoldsBack(t *testing.T) {
	dc := dctest.Start(t)
	p := dc.Proxy(t)
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "ldaps://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("TLS handshake through the proxy: %v", err)
	}
	defer c.Close()
	p.Cut()
	c.SetReadDeadline(time.Now().Add(soak.Patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("read on a connection that was cut: %v", err)
	}
	p.Silence()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 300 * time.Millisecond}, Config: &tls.Config{InsecureSkipVerify: true}}
	if _, err := dialer.Dial("tcp", strings.TrimPrefix(p.URL, "ldaps://")); !os.IsTimeout(err) {
		t.Errorf("handshake with a silent server: %v, want a timeout", err)
	}
	p.Answer()
	if p.Accepted() != 2 {
		t.Errorf("%d connections counted, want 2", p.Accepted())
	}
}
