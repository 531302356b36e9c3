package host_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// unreadable are credentials whose secret cannot be read on this machine, in
// one of the calls that need it.
type unreadable struct{ apply, rejected, base error }

func (u unreadable) Apply(context.Context, *http.Request) error { return u.apply }
func (u unreadable) Rejected(context.Context) (bool, error)     { return false, u.rejected }
func (u unreadable) BaseURL(context.Context) (string, error)    { return "", u.base }
func (unreadable) Redact() []string                             { return nil }

type localError struct{ local bool }

func (localError) Error() string {
	return "user rollcall cannot read /etc/token; next: chown rollcall /etc/token"
}
func (e localError) Local() bool { return e.local }

// TestFaultsOfThisMachine: a secret that cannot be read here is reported as
// such, with the error's own next step. No token was refused, so none is
// renewed.
func TestFaultsOfThisMachine(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	here, refused := localError{true}, localError{false}
	configured := f.app.BaseURL
	for name, c := range map[string]struct {
		credentials unreadable
		kind        abi.Kind
	}{
		"apply":             {unreadable{apply: here}, abi.KindConfig},
		"after a 401":       {unreadable{rejected: here}, abi.KindConfig},
		"base URL":          {unreadable{base: here}, abi.KindConfig},
		"refused elsewhere": {unreadable{apply: refused}, abi.KindAuth},
	} {
		f.app.Credentials, f.app.BaseURL = c.credentials, configured
		if c.credentials.base != nil {
			f.app.BaseURL = ""
		}
		_, _, err := f.fetch(t.Context(), "", nil)
		failed := asCallError(t, err)
		if failed.Kind != c.kind || !strings.Contains(err.Error(), "cannot read /etc/token") {
			t.Errorf("%s: %v", name, err)
		}
		if local := c.kind == abi.KindConfig; local != (failed.Next == "") || local != errors.As(err, new(localError)) {
			t.Errorf("%s: next %q, cause %v", name, failed.Next, failed.Err)
		}
	}
}
