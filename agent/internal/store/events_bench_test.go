package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// BenchmarkEvents compares the transaction that brings the mirror up to date with
// 10,000 changed users with and without events, and measures one in which a group
// of 10,000 exchanges a member.
func BenchmarkEvents(b *testing.B) {
	const people, pairs = 10_000, 9
	s := must1[*Store](b)(Open(b.Context(), b.TempDir()))
	b.Cleanup(func() { _ = s.Close() })
	store := func(calls ...func(MirrorTx) error) time.Duration {
		began := time.Now()
		must(b, s.UpdateMirror(b.Context(), func(m MirrorTx) error {
			for _, call := range calls {
				if err := call(m); err != nil {
					return err
				}
			}
			return nil
		}))
		return time.Since(began)
	}
	dn := func(i int) ident.DN { return ident.DN(fmt.Sprintf("CN=Person %d,OU=Staff,DC=example,DC=com", i)) }
	fill, list := []func(MirrorTx) error{put(entry("ou", "OU=Staff,DC=example,DC=com"))}, []string(nil)
	for i := range people {
		fill = append(fill, put(user(ident.GUID(fmt.Sprint("g", i)), dn(i), "displayname", fmt.Sprint("Person ", i), "mail", fmt.Sprintf("p%d@example.com", i),
			"samaccountname", fmt.Sprint("p", i), "department", "Sales", "givenname", "Person", "sn", fmt.Sprint(i), "manager", string(dn(i/10)))))
		list = append(list, string(dn(i)))
	}
	fill = append(fill, put(group("big", "CN=Big,DC=example,DC=com", list[1:]...)))
	store(append(fill, func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) })...)
	change := func(to string) (calls []func(MirrorTx) error) {
		for i := range people {
			calls = append(calls, merge(ident.GUID(fmt.Sprint("g", i)), dn(i), ident.Attributes{"title": {to}, "department": {to}}))
		}
		return calls
	}
	for range b.N {
		var ratios, took, members []float64
		for i := range pairs {
			without := store(change(fmt.Sprint("without ", i))...)
			with := store(append([]func(MirrorTx) error{record}, change(fmt.Sprint("with ", i))...)...)
			ratios, took = append(ratios, with.Seconds()/without.Seconds()), append(took, with.Seconds())
			big := store(record, merge("big", "", ident.Attributes{"member": slices.Concat(list[:i], list[i+1:])}))
			members = append(members, float64(big.Microseconds())/1000)
		}
		median := func(of []float64) float64 { slices.Sort(of); return of[len(of)/2] }
		b.ReportMetric(median(ratios), "ratio-with-events")
		b.ReportMetric(people/median(took), "changed-users/s")
		b.ReportMetric(median(members), "ms-one-of-10000-members")
	}
	if n := len(events(b, s)); n < pairs*people {
		b.Errorf("%d events, want %d and more", n, pairs*people)
	}
}
