package dctest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Replicated writes into the database of the domain controller how far it has come with
// the changes of others, in base64, as its own replication does. It is removed when
// t ends.
func (d *DC) Replicated(t testing.TB, vector string) {
	t.Helper()
	change := func(change string) {
		t.Helper()
		//nolint:noctx // it ends at once; a test's own folder
		cmd := exec.Command("ldbmodify", "-H", filepath.Join(d.dir, "private", "sam.ldb"),
			"--option=ldb:nosync=true", "--controls=relax:0")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("dn: %s\nchangetype: modify\n%s", d.BaseDN, change))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	change("replace: replUpToDateVector\nreplUpToDateVector:: " + vector + "\n")
	t.Cleanup(func() { change("delete: replUpToDateVector\n") })
}
