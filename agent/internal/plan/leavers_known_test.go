package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// renumbered is an automation with that many links, of which some keys are not
// delivered; as many as not come as new people, and some more.
func renumbered(links, absent, more int, change func(*scene)) *scene {
	s := newScene()
	s.set.SourceShrink = DefaultSourceShrink()
	for i := range links {
		key := ident.Key(fmt.Sprintf("k%02d", i))
		_, l := s.linked(key)
		l.Delivered = true
		if i >= absent {
			s.record(key, nil)
		}
	}
	for i := range absent + more {
		s.record(ident.Key(fmt.Sprintf("n%02d", i)), map[string]any{"mail": fmt.Sprintf("new%d@x", i)})
	}
	s.hist.CurrentLinks, s.hist.LastDelivered = links, links
	change(s)
	return s
}

// When too many of the known keys are not delivered, nobody is created,
// disabled or moved away, however many records came instead.
func TestAllKeysAreNew(t *testing.T) {
	none := func(*scene) {}
	keep := func(s *scene) { s.set.Missing = Missing{} }
	for name, c := range map[string]struct {
		scene *scene
		want  string // "" holds nothing
	}{
		"all of five, thirty new": {renumbered(5, 5, 25, none), "source_shrink is 20%: 5 of 5 linked keys are not among those delivered"},
		"a fifth":                 {renumbered(20, 4, 0, none), ""},
		"more than a fifth":       {renumbered(20, 5, 0, none), "source_shrink is 20%: 5 of 20 linked keys are not among those delivered"},
		"many more than before":   {renumbered(20, 5, 30, none), "source_shrink is 20%: 5 of 20 linked keys are not among those delivered"},
		"one of three, one new":   {renumbered(3, 1, 0, none), ""},
		"two of three":            {renumbered(3, 2, 0, none), "source_shrink is 20%: 2 of 3 linked keys are not among those delivered"},
		"the only one":            {renumbered(1, 1, 0, none), "source_shrink is 20%: 1 of 1 linked key is not among those delivered"},
		"missing.action keep":     {renumbered(5, 5, 0, keep), "source_shrink is 20%: 5 of 5 linked keys are not among those delivered"},
		"the action create": {
			renumbered(5, 5, 0, func(s *scene) { s.set.Action = ActionCreate }),
			"source_shrink is 20%: 5 of 5 linked keys are not among those delivered",
		},
		"another limit": {renumbered(20, 5, 0, func(s *scene) { s.set.SourceShrink = Limit{Percent: 25} }), ""},
		"a number as the limit": {
			renumbered(20, 5, 0, func(s *scene) { s.set.SourceShrink = Limit{Count: 4} }),
			"source_shrink is 4: 5 of 20 linked keys are not among those delivered",
		},
		"turned off":             {renumbered(5, 5, 0, func(s *scene) { s.set.SourceShrink = Limit{Unlimited: true} }), ""},
		"an endpoint of changes": {renumbered(5, 5, 0, func(s *scene) { s.delivery.ChangesOnly = true }), ""},
		"beside a record without key": {
			renumbered(5, 5, 0,
				func(s *scene) { s.before = func(b *Builder) { b.Quarantine("", "Bo", "no id", "give it one") } }),
			"source_shrink is 20%: 5 of 5 linked keys are not among those delivered",
		},
		"a key in doubt": {
			renumbered(5, 5, 0, func(s *scene) { s.delivery.Doubt = "one came twice" }),
			"source_shrink is 20%: 5 of 5 linked keys are not among those delivered",
		},
		"leavers of former years, disabled": {renumbered(8, 1, 0, func(s *scene) {
			for i := range 6 {
				e, l := s.linked(ident.Key(fmt.Sprintf("old%d", i)))
				since := noon
				l.MissingSince, e.Attributes["useraccountcontrol"], e.DN, l.Placed = &since, []string{"514"}, leavers.Child(fmt.Sprint("Old ", i)),
					leavers
			}
			s.hist.CurrentLinks += 6
		}), ""},
		"leavers of former years, kept": {renumbered(8, 1, 0, func(s *scene) {
			keep(s)
			for i := range 6 {
				s.linked(ident.Key(fmt.Sprintf("old%d", i)))
			}
			s.hist.CurrentLinks += 6
		}), ""},
		"where was narrowed: their keys are delivered": {renumbered(20, 0, 3, func(s *scene) {
			for i := range 10 {
				s.records[i].Fields["active"] = false
			}
		}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.scene.plan(t)
			created := false
			eachOperation(p, func(ch ident.Change, op ident.Operation) {
				created = created || op.Class == ident.ClassCreate
				if op.Class != ident.ClassCreate && op.Class != ident.ClassDisable {
					return
				}
				held := op.Verdict == ident.VerdictHold && strings.Contains(op.Reason, "; held: source_shrink")
				if held != (c.want != "") || !strings.HasSuffix(op.Reason, c.want) {
					t.Errorf("%s %s: %s, %s", ch.Key, op.Verdict, op.Class, op.Reason)
				}
			})
			if !created {
				t.Error("nobody is to be created")
			}
		})
	}
}

// What follows from the records that are there goes on.
func TestStrangeKeysHoldNothingElse(t *testing.T) {
	s := renumbered(10, 5, 0, func(s *scene) { s.records[0].Fields["title"] = "CTO" })
	if got, want := verdicts(s.plan(t)), "update apply k05"; !slices.Contains(got, want) {
		t.Errorf("verdicts %q lack %q", got, want)
	}
}

// Links know whether the last delivery that was believed had their key.
func TestMarks(t *testing.T) {
	marks := func(s *scene) (delivered, absent []ident.Key) {
		b := NewBuilder(s.set, s.world, s.mapper, s.hist)
		if s.before != nil {
			s.before(b)
		}
		for _, rec := range s.records {
			if err := b.Add(rec); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Finish(s.delivery); err != nil {
			t.Fatal(err)
		}
		return b.Marks()
	}
	old := func(s *scene) { s.links["k09"].Delivered = false }
	for name, c := range map[string]struct {
		scene     *scene
		delivered []ident.Key
		absent    []ident.Key
	}{
		"one leaves, one is back":   {renumbered(10, 1, 0, old), []ident.Key{"k09"}, []ident.Key{"k00"}},
		"the delivery is held back": {renumbered(10, 5, 0, old), nil, nil},
		"not complete":              {renumbered(10, 1, 0, func(s *scene) { old(s); s.delivery.Complete = false }), nil, nil},
		"in doubt":                  {renumbered(10, 1, 0, func(s *scene) { old(s); s.delivery.Doubt = "x" }), nil, nil},
		"of changes":                {renumbered(10, 1, 0, func(s *scene) { old(s); s.delivery.ChangesOnly = true }), nil, nil},
	} {
		delivered, absent := marks(c.scene)
		if !slices.Equal(delivered, c.delivered) || !slices.Equal(absent, c.absent) {
			t.Errorf("%s: delivered %q, absent %q", name, delivered, absent)
		}
	}
}
