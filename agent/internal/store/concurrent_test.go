package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestReadersBesideWriters has readers look at two entries that one
// transaction always changes together, while others commit and stage.
func TestReadersBesideWriters(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	lease, run := begin(t, s)
	const rounds = 25
	pair := func(i int) func(MirrorTx) error {
		return func(m MirrorTx) error {
			for _, guid := range []ident.GUID{"a", "b"} {
				if err := m.Put(entry(guid, ident.DN("CN="+guid+",DC=c"), "kind", "pair", "round", fmt.Sprint(i))); err != nil {
					return err
				}
			}
			return nil
		}
	}
	update(t, s, pair(0))
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for i := range rounds {
			if err := s.UpdateMirror(ctx, pair(i)); err != nil {
				t.Error(err)
			}
		}
	})
	for w := range 3 {
		writers.Go(func() {
			for i := range rounds {
				key := ident.Key(fmt.Sprint(w, "-", i))
				l := link(key, ident.GUID(key))
				c := commit(outcome(run, key, ident.ClassCreate, ident.ResultApplied))
				c.Link = &l
				if err := s.Commit(ctx, lease, c); err != nil {
					t.Error(err)
				}
				if err := s.Stage(ctx, int64(w), []ident.Record{{Key: key}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range crowd {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				list, err := s.EntriesByValue(ctx, "kind", "pair")
				if err != nil || len(list) != 2 || list[0].Attributes.First("round") != list[1].Attributes.First("round") {
					t.Errorf("half a transaction is seen: %v, %v", list, err)
					return
				}
				if err := s.VerifyJournal(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if n := must1[int](t)(s.CountLinks(ctx, "staff")); n != 3*rounds {
		t.Errorf("%d links", n)
	}
	must(t, s.VerifyJournal(ctx))
}

// crowd is more than the pool has, so that readers wait for one another too.
const crowd = readers + 2
