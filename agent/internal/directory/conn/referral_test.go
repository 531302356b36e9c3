package conn_test

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
)

// TestReferral: an object of another domain is neither absent nor a server away.
func TestReferral(t *testing.T) {
	err := conn.Answer("search", "ldaps://dc1", "CN=boss,DC=elsewhere", 10, "0000202B: RefErr: DSID-0310")
	if !errors.Is(err, conn.ErrReferral) || errors.Is(err, conn.ErrNotFound) || errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
