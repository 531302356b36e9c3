package plan

import (
	"fmt"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// A thousand linked people, of whom each has another title.
func BenchmarkThousandChanged(b *testing.B) {
	s := newScene()
	s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
	for i := range 1000 {
		e, l := s.known(ident.Key(fmt.Sprintf("%04d", i)),
			map[string]any{"title": "CTO", "sn": "Novak", "givenName": "Ada", "displayName": "Ada Novak"})
		for name, v := range map[string]string{"sn": "Novak", "givenname": "Ada", "displayname": "Ada Novak", "title": "CEO"} {
			e.Attributes[name], l.Applied[name] = []string{v}, ops.Digest([]string{v})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := s.plan(b); len(p.Changes) != 1000 {
			b.Fatalf("%d changes", len(p.Changes))
		}
	}
}
