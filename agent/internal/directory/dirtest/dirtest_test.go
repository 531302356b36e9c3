package dirtest_test

import (
	"os"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// TestDirectory runs the suite in memory and at a domain controller.
func TestDirectory(t *testing.T) { dirtest.OnBoth(t, dirtest.Suite) }
