package store

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestStatementsAreKept: the second transaction of a kind finds the statements of
// the first one ready, and a change of the tables does not spoil them.
func TestStatementsAreKept(t *testing.T) {
	s := fillOutbox(t, 0)
	ctx := context.Background()
	lease := outbox(t, s)
	start := func(n int) {
		t.Helper()
		must1[[]int64](t)(s.StartInstances(ctx, lease, []NewInstance{leaver(ident.GUID(fmt.Sprint("guid-", n)))}))
	}
	start(1)
	wanted := len(s.prepared.wanted)
	start(2)
	if ready := len(s.prepared.ready); wanted == 0 || ready < wanted || len(s.prepared.wanted) != 0 {
		t.Errorf("%d of %d statements are ready, and %d wanted", ready, wanted, len(s.prepared.wanted))
	}
	for query, made := range s.prepared.ready {
		if made == nil {
			t.Errorf("not ready: %s", query)
		}
	}
	must(t, s.exec(ctx, "change", `CREATE INDEX instances_other ON instances (name)`))
	start(3)
}

// TestKeptStatementsAreBounded: statements that differ each time do not pile up,
// and work all the same.
func TestKeptStatementsAreBounded(t *testing.T) {
	s := fillOutbox(t, 0)
	ctx := context.Background()
	for i := range 2 * mostPrepared {
		must(t, s.write(ctx, "differ", func(tx *sql.Tx) error {
			return s.newBatch(tx).exec(ctx, fmt.Sprintf(`UPDATE instances SET name = 'x%d' WHERE id = ?`, i), -1)
		}))
	}
	if n := len(s.prepared.ready); n != mostPrepared {
		t.Errorf("%d statements are kept, want %d", n, mostPrepared)
	}
}
