package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestLimitOf(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		whole int
		want  int
	}{
		{Limit{Unlimited: true}, 100, -1},
		{Limit{}, 100, 0},
		{Limit{Count: 100}, 3, 100},
		{Limit{Percent: 5}, 1000, 50},
		{Limit{Percent: 5}, 99, 4},
		{Limit{Percent: 29}, 100, 29},
		{Limit{Percent: 100}, 7, 7},
		{DefaultLimits()[ident.ClassDisable], 40, 5},
		{DefaultLimits()[ident.ClassDisable], 1000, 50},
		{DefaultLimits()[ident.ClassDelete], 1000, 0},
		{DefaultLimits()[ident.ClassUpdate], 4, 5},
		{DefaultLimits()[ident.ClassUpdate], 1000, 500},
		{DefaultLimits()[ident.ClassCreate], 1000, -1},
	} {
		if got := c.limit.Of(c.whole); got != c.want {
			t.Errorf("%+v of %d = %d, want %d", c.limit, c.whole, got, c.want)
		}
	}
}

// verdicts lists keys by class and verdict: "create apply 11 12".
func verdicts(p ident.Plan) []string {
	keys := map[string][]string{}
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			id := string(op.Class) + " " + string(op.Verdict)
			keys[id] = append(keys[id], string(c.Key))
		}
	}
	var out []string
	for id, k := range keys {
		out = append(out, id+" "+strings.Join(k, " "))
	}
	slices.Sort(out)
	return out
}

// states lists the classes that anything is planned for:
// "disable 5% or 5: allowed 5, used 3, planned 4, over 2".
func states(p ident.Plan) []string {
	var out []string
	for _, l := range p.Limits {
		if l.Planned > 0 {
			out = append(out, fmt.Sprintf("%s %s: allowed %d, used %d, planned %d, over %d", l.Class, l.Limit, l.Allowed, l.Used, l.Planned, l.Over))
		}
	}
	return out
}

type limitCase struct {
	name     string
	setup    func(*scene)
	verdicts []string
	states   []string
}

func runLimits(t *testing.T, cases []limitCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene()
			c.setup(s)
			p := s.plan(t)
			if got := verdicts(p); !slices.Equal(got, c.verdicts) {
				t.Errorf("verdicts %q, want %q", got, c.verdicts)
			}
			if got := states(p); !slices.Equal(got, c.states) {
				t.Errorf("limits %q, want %q", got, c.states)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	crowd := func(joiners, known, gone int, change func(*scene)) func(*scene) {
		return func(s *scene) {
			for i := range joiners {
				s.record(ident.Key(fmt.Sprintf("j%d", i)), nil)
			}
			for i := range known {
				s.known(ident.Key(fmt.Sprintf("k%d", i)), nil)
			}
			for i := range gone {
				s.linked(ident.Key(fmt.Sprintf("m%d", i)))
			}
			s.hist.CurrentLinks = known + gone
			change(s)
		}
	}
	limit := func(class ident.Class, l Limit) func(*scene) {
		return func(s *scene) { s.set.Limits = map[ident.Class]Limit{class: l} }
	}
	runLimits(t, []limitCase{
		{
			"create: the first ones in the order of keys", crowd(4, 0, 0, limit(ident.ClassCreate, Limit{Count: 3})),
			[]string{"create apply j0 j1 j2", "create hold j3"},
			[]string{"create 3: allowed 3, used 0, planned 4, over 1"},
		},
		{"used ones count", crowd(4, 0, 0, func(s *scene) {
			limit(ident.ClassCreate, Limit{Count: 3})(s)
			s.hist.Used = map[ident.Class]int{ident.ClassCreate: 2}
		}), []string{"create apply j0", "create hold j1 j2 j3"}, []string{"create 3: allowed 3, used 2, planned 4, over 3"}},
		{"more used than allowed", crowd(1, 0, 0, func(s *scene) {
			limit(ident.ClassCreate, Limit{Count: 3})(s)
			s.hist.Used = map[ident.Class]int{ident.ClassCreate: 9}
		}), []string{"create hold j0"}, []string{"create 3: allowed 3, used 9, planned 1, over 1"}},
		{
			"class by class: the rest goes on", crowd(2, 1, 1, func(s *scene) {
				limit(ident.ClassCreate, Limit{})(s)
				s.records[2].Fields["mail"] = "new@x"
			}),
			[]string{"create hold j0 j1", "disable apply m0", "update apply k0"},
			[]string{
				"create 0: allowed 0, used 0, planned 2, over 2", "update 50% or 5: allowed 5, used 0, planned 1, over 0",
				"disable 5% or 5: allowed 5, used 0, planned 1, over 0",
			},
		},
		{
			"disable: 5 by default", crowd(0, 4, 7, func(*scene) {}),
			[]string{"disable apply m0 m1 m2 m3 m4", "disable hold m5 m6"},
			[]string{"disable 5% or 5: allowed 5, used 0, planned 7, over 2"},
		},
		{
			"disable: 5 % of the peak", crowd(0, 4, 7, func(s *scene) { s.hist.PeakLinks = 120 }),
			[]string{"disable apply m0 m1 m2 m3 m4 m5", "disable hold m6"},
			[]string{"disable 5% or 5: allowed 6, used 0, planned 7, over 1"},
		},
		{
			"a percentage without a count is exact", crowd(0, 9, 2, limit(ident.ClassDisable, Limit{Percent: 10})),
			[]string{"disable apply m0", "disable hold m1"},
			[]string{"disable 10%: allowed 1, used 0, planned 2, over 1"},
		},
		{"approval never: refused", crowd(2, 0, 0, func(s *scene) {
			limit(ident.ClassCreate, Limit{Count: 1})(s)
			s.set.Approval = ApprovalNever
		}), []string{"create apply j0", "create refuse j1"}, []string{"create 1: allowed 1, used 0, planned 2, over 1"}},
		{
			"approval always: everything is held", crowd(1, 0, 1, func(s *scene) { s.set.Approval = ApprovalAlways; s.hist.CurrentLinks = 0 }),
			[]string{"create hold j0", "disable hold m0"},
			[]string{"create none: allowed -1, used 0, planned 1, over 1", "disable 5% or 5: allowed 5, used 0, planned 1, over 1"},
		},
		{
			"the groups of a held account wait for it", crowd(2, 0, 0, func(s *scene) {
				limit(ident.ClassCreate, Limit{Count: 1})(s)
				for _, rec := range s.records {
					rec.Fields["groups"] = []ident.DN{crm}
				}
			}),
			[]string{"create apply j0", "create hold j1", "groups apply j0", "groups hold j1"},
			[]string{"create 1: allowed 1, used 0, planned 2, over 1", "groups none: allowed -1, used 0, planned 1, over 0"},
		},
		{
			"an adoption for review leaves the limit to the others", crowd(2, 0, 0, func(s *scene) {
				s.set.Adopt = AdoptAuto
				s.account("g1", staff.Child("Old"), "employeeNumber", "pipedrive:j0")
				s.account("g2", staff.Child("Older"), "mail", "adaj1@x")
				limit(ident.ClassAdopt, Limit{Count: 1})(s)
			}),
			[]string{"adopt apply j1", "adopt hold j0", "rename apply j1", "rename hold j0", "update hold j0"},
			[]string{"adopt 1: allowed 1, used 0, planned 2, over 1", "rename none: allowed -1, used 0, planned 1, over 0"},
		},
		{
			"an adoption for review uses nothing up", crowd(2, 0, 0, func(s *scene) {
				s.account("g1", staff.Child("Old"), "mail", "adaj0@x")
				limit(ident.ClassAdopt, Limit{Count: 1})(s)
			}),
			[]string{"adopt hold j0", "create apply j1", "rename hold j0"},
			[]string{"adopt 1: allowed 1, used 0, planned 1, over 1", "create none: allowed -1, used 0, planned 1, over 0"},
		},
	})
}

func TestSourceShrink(t *testing.T) {
	shrink := func(delivered, links, last int, change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.set.SourceShrink = DefaultSourceShrink()
			s.record("1", map[string]any{"cn": "Joiner"})
			e, l := s.linked("7") // disabled by rollcall, not yet moved
			since := noon
			l.MissingSince, e.Attributes["useraccountcontrol"] = &since, []string{"514"}
			s.linked("8")
			s.delivery.Skipped = delivered - 1
			s.hist.CurrentLinks, s.hist.LastDelivered = links, last
			change(s)
		}
	}
	none := func(*scene) {}
	applied := []string{"create apply 1", "disable apply 8", "move apply 7"}
	held := []string{"create apply 1", "disable hold 8", "move hold 7"}
	ok := []string{
		"create none: allowed -1, used 0, planned 1, over 0", "move none: allowed -1, used 0, planned 1, over 0",
		"disable 5% or 5: allowed 5, used 0, planned 1, over 0",
	}
	over := []string{
		"create none: allowed -1, used 0, planned 1, over 0", "move none: allowed -1, used 0, planned 1, over 1",
		"disable 5% or 5: allowed 5, used 0, planned 1, over 1",
	}
	runLimits(t, []limitCase{
		{"20 % fewer than links: applied", shrink(80, 100, 0, none), applied, ok},
		{"more than 20 % fewer than links: held", shrink(79, 100, 0, none), held, over},
		{"more than 20 % fewer than last time: held", shrink(79, 10, 100, none), held, over},
		{"the larger of the two counts", shrink(90, 90, 120, none), held, over},
		{"more than before", shrink(500, 100, 100, none), applied, ok},
		{"the leavers of former years do not count", shrink(80, 140, 0, func(s *scene) {
			for i := range 40 {
				e, _ := s.linked(ident.Key(fmt.Sprintf("old%d", i)))
				e.Attributes["useraccountcontrol"] = []string{"514"}
			}
		}), applied, []string{ok[0], ok[1], "disable 5% or 5: allowed 7, used 0, planned 1, over 0"}},
		{"copies do not make up for others", shrink(70, 100, 0, func(s *scene) {
			s.before = func(b *Builder) { b.Duplicate("2", 30) }
		}), held, over},
		{"as many copies as leavers: held", shrink(80, 80, 80, func(s *scene) {
			s.before = func(b *Builder) { b.Duplicate("2", 2); b.Duplicate("3", 2) }
		}), held, over},
		{"fewer copies than leavers: applied", shrink(80, 80, 80, func(s *scene) {
			s.before = func(b *Builder) { b.Duplicate("2", 2) }
		}), applied, ok},
		{"another limit", shrink(79, 100, 0, func(s *scene) { s.set.SourceShrink = Limit{Percent: 30} }), applied, ok},
		{
			"no shrinking at all", shrink(99, 100, 0, func(s *scene) { s.set.SourceShrink = Limit{} }),
			[]string{"create hold 1", held[1], held[2]},
			[]string{"create none: allowed -1, used 0, planned 1, over 1", over[1], over[2]},
		},
		{"turned off", shrink(2, 100, 0, func(s *scene) { s.set.SourceShrink = Limit{Unlimited: true} }), applied, ok},
		{
			"approval never: refused", shrink(79, 100, 0, func(s *scene) { s.set.Approval = ApprovalNever }),
			[]string{"create apply 1", "disable refuse 8", "move refuse 7"},
			over,
		},
	})
	s := newScene()
	shrink(79, 100, 0, none)(s)
	const reason = "source_shrink is 20%: 79 records instead of 100"
	p := s.plan(t)
	wantTrace(t, p,
		"1 apply create CN=Joiner,OU=Staff,DC=x mail:->ada1@x employeeNumber:->pipedrive:1 | pipedrive delivers the key 1 and no account "+
			"belongs to it",
		"7 hold move CN=Ada 7,OU=Staff,DC=x -> CN=Ada 7,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 7; disabled but not "+
			"yet moved; held: "+reason,
		"8 hold disable CN=Ada 8,OU=Staff,DC=x -> CN=Ada 8,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 8; held: "+reason)
	doubt := func() string {
		limits := s.plan(t).Limits
		return limits[slices.IndexFunc(limits, func(l ident.LimitState) bool { return l.Class == ident.ClassDisable })].Reason
	}
	if got := doubt(); got != reason {
		t.Errorf("the state of the limit says %q", got)
	}
	s.before = func(b *Builder) { b.Duplicate("2", 30); b.Quarantine("", "Bo", "no id", "give it one") }
	s.delivery.Skipped = 68
	if got := doubt(); got != "" {
		t.Errorf("nobody is missing beside a record without a key, but the limit says %q", got)
	}
	s.before = func(b *Builder) { b.Duplicate("2", 30) }
	if got, want := doubt(), "source_shrink is 20%: 70 records instead of 100"; got != want {
		t.Errorf("with copies: %q, want %q", got, want)
	}
	s.delivery.Skipped = 88
	if got, want := doubt(), "29 records came twice; they may stand in the place of those that are missing"; got != want {
		t.Errorf("with copies: %q, want %q", got, want)
	}
}

func TestDecided(t *testing.T) {
	three := func(s *scene) {
		for _, key := range []ident.Key{"11", "12", "13"} {
			s.record(key, map[string]any{"groups": []ident.DN{crm}})
		}
		s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {Count: 1}}
	}
	s := newScene()
	three(s)
	digests := map[ident.Key]string{}
	for _, c := range s.plan(t).Changes {
		digests[c.Key] = c.Operations[0].Digest
	}
	decide := func(key ident.Key, result ident.Result) func(ident.Key, ident.Class, string) (int64, ident.Result, bool) {
		return func(k ident.Key, class ident.Class, digest string) (int64, ident.Result, bool) {
			return 7, result, k == key && class == ident.ClassCreate && digest == digests[key]
		}
	}
	s.hist.Decided = decide("11", ident.ResultHeld)
	p := s.plan(t)
	if got, want := verdicts(p),
		[]string{
			"create apply 12", "create earlier 11", "create hold 13", "groups apply 12", "groups earlier 11",
			"groups hold 13",
		}; !slices.Equal(got, want) {
		t.Errorf("held earlier: verdicts %q, want %q", got, want)
	}
	if got, want := states(p)[0], "create 1: allowed 1, used 0, planned 2, over 1"; got != want {
		t.Errorf("held earlier: %q, want %q", got, want)
	}
	if got, want := p.Changes[0].Operations[0].Reason,
		"pipedrive delivers the key 11 and no account belongs to it; held since run 7: rollcall approve 7, or reject 7"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	s.hist.Decided = decide("12", ident.ResultRejected)
	p = s.plan(t)
	if got, want := p.Changes[1].Operations[0].Reason,
		"pipedrive delivers the key 12 and no account belongs to it; rejected in run 7"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}
