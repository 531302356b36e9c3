package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
)

// TestARefusedAccountIsNotTriedAgain by work that nobody waits for, until the time is
// over, the server accepts it, or the password is another one: AD locks it after a few attempts. Those
// behind it are not asked either, those in front of it are.
func TestARefusedAccountIsNotTriedAgain(t *testing.T) {
	r, now, of := newRefusals(), time.Now(), accountOf("rollcall", "old")
	r.now = func() time.Time { return now }
	asked := func(want ...string) {
		t.Helper()
		got, err := r.before([]string{"dc1", "dc2", "dc3"}, of)
		if !slices.Equal(got, want) || (err == nil) != (len(want) > 0) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	failure := func(server string, code int) error {
		return fmt.Errorf("connect: %w", errors.Join(&conn.Error{Op: "connect", Server: "dc0", Code: conn.CodeNetwork, Err: errors.New("no route")},
			&conn.Error{Op: "bind", Server: server, Code: code, Err: errors.New("wrong")}))
	}
	asked("dc1", "dc2", "dc3")
	r.failed(failure("dc2", ldap.LDAPResultUnwillingToPerform), of)
	asked("dc1", "dc2", "dc3")
	r.failed(failure("dc2", ldap.LDAPResultInvalidCredentials), of)
	asked("dc1")
	r.failed(failure("dc1", ldap.LDAPResultInvalidCredentials), of)
	asked()
	if _, err := r.before([]string{"dc1"}, of); !errors.Is(err, conn.ErrCredentials) || !strings.Contains(err.Error(), "not asked again before") {
		t.Errorf("%v", err)
	}
	over := 0
	r.over = func() { over++ }
	for _, server := range []string{"dc3", "dc1"} { // as a person's command does
		if err := r.bind(t.Context(), attempt{server: server, of: of, came: r.count()}, func() error { return nil }); err != nil {
			t.Error(err)
		}
	}
	asked("dc1")
	if over != 1 {
		t.Errorf("told %d times that a server accepts the account again", over)
	}
	now = now.Add(conn.RefusedPause)
	asked("dc1", "dc2", "dc3")
	r.failed(failure("dc1", ldap.LDAPResultInvalidCredentials), of)
	asked()
	of = accountOf("rollcall", "new")
	asked("dc1", "dc2", "dc3")
}
