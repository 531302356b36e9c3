package runtime

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

func TestTheLedgerSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	for start := range 3 {
		st, err := store.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		l := ledger{st}
		var wg sync.WaitGroup
		for app := range 4 {
			wg.Go(func() {
				name := fmt.Sprint("app", app)
				want := ""
				if start > 0 {
					want = fmt.Sprint(name, " start ", start-1)
				}
				if got, err := l.Load(t.Context(), name); err != nil || got != want {
					t.Errorf("%s has %q, want %q, %v", name, got, want, err)
				}
				if err := l.Save(t.Context(), name, fmt.Sprint(name, " start ", start)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
