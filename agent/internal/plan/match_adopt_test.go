package plan

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// existing is a record with an account elsewhere that differs in everything.
func existing(change func(*scene)) *scene {
	s := newScene()
	s.record("11", map[string]any{"title": "CTO", "groups": []ident.DN{crm}})
	s.account("g1", support.Child("Old Ada"), "mail", "ada11@x", "title", "Clerk")
	change(s)
	return s
}

// The plan of an adoption shows all that follows from it, and its approval
// covers just that: with anything else it is another adoption.
func TestAdoptionShowsWhatFollows(t *testing.T) {
	const (
		at    = "CN=Old Ada,OU=Support,OU=Staff,DC=x"
		now   = "CN=Ada 11,OU=Support,OU=Staff,DC=x"
		waits = "; waits for the account to be adopted"
		match = " employeeNumber:->pipedrive:11 | mail = ada11@x matches the account " + at
	)
	follow := func(verdict, reason string) []string {
		return []string{
			"11 " + verdict + " update title:Clerk->CTO | title not as user.title says" + reason,
			"11 " + verdict + " rename " + at + " -> " + now + " cn:Old Ada->Ada 11 | cn not as user.cn says" + reason,
			"11 " + verdict + " groups CN=CRM,OU=Groups,DC=x | groups: not yet a member of CRM" + reason,
		}
	}
	stays := " note | 1 account stays where it was when it was linked, and not where ou would put it"
	t.Run("review", func(t *testing.T) {
		want := slices.Concat([]string{"11 hold adopt " + at + " not in OU=Staff,DC=x" + match +
			"; held for review: rollcall did not create this account"}, follow("hold", waits), []string{stays})
		wantTrace(t, existing(func(*scene) {}).plan(t), want...)
	})
	t.Run("auto", func(t *testing.T) {
		want := slices.Concat([]string{"11 apply adopt " + at + " not in OU=Staff,DC=x" + match}, follow("apply", ""), []string{stays})
		wantTrace(t, existing(func(s *scene) { s.set.Adopt = AdoptAuto }).plan(t), want...)
	})
	t.Run("move", func(t *testing.T) {
		all := follow("hold", waits)
		move := "11 hold move " + now + " -> CN=Ada 11,OU=Staff,DC=x | ou: it belongs into OU=Staff,DC=x" + waits
		want := slices.Concat([]string{"11 hold adopt " + at + match + "; held for review: rollcall did not create this account"}, all[:2],
			[]string{move}, all[2:])
		wantTrace(t, existing(func(s *scene) { s.set.AdoptMove = true }).plan(t), want...)
	})
	t.Run("the mapping fails: no adoption that could not be shown", func(t *testing.T) {
		p := existing(func(s *scene) { s.records[0].Fields["title"] = "unmappable" }).plan(t)
		if len(p.Changes) > 0 || len(p.Quarantined) != 1 {
			t.Errorf("%q", trace(p))
		}
	})
}

// An account that was adopted is compared by the next run, which finds nothing
// to do; it keeps its place until ou names another.
func TestAdoptedAccountSettles(t *testing.T) {
	for _, move := range []bool{false, true} {
		s := existing(func(s *scene) { s.set.Adopt, s.set.AdoptMove = AdoptAuto, move })
		s.apply(t, s.plan(t), s.updates)
		place := map[bool]ident.DN{false: support, true: staff}[move]
		if got := s.entries["g1"].DN; got != place.Child("Ada 11") {
			t.Errorf("move %t: it is %s", move, got)
		}
		if again := s.plan(t); len(again.Changes) > 0 || len(s.updates) > 0 {
			t.Errorf("move %t: the next run finds %q, %+v", move, trace(again), s.updates)
		}
		s.records[0].Fields["ou"] = leavers
		s.apply(t, s.plan(t), s.updates)
		if got := s.entries["g1"].DN; got != leavers.Child("Ada 11") {
			t.Errorf("move %t: after ou has changed it is %s", move, got)
		}
		if l := s.links["11"]; l.Placed != leavers || l.OU != "" {
			t.Errorf("move %t: the link remembers %q and %q", move, l.Placed, l.OU)
		}
	}
}

// A link of an older version learns where its account is, once.
func TestOldLinksLearnTheirPlace(t *testing.T) {
	for _, at := range []ident.DN{staff, support} {
		s := newScene()
		e, l := s.known("11", nil)
		e.DN, l.Placed, l.Origin = at.Child("Ada 11"), "", ident.OriginAdopted
		s.apply(t, s.plan(t), s.updates)
		left := map[ident.DN]ident.DN{support: staff}[at]
		if l := s.links["11"]; l.Placed != at || l.OU != left {
			t.Errorf("at %s: the link remembers %q and %q", at, l.Placed, l.OU)
		}
		if s.plan(t); len(s.updates) > 0 {
			t.Errorf("at %s: learnt again: %+v", at, s.updates)
		}
	}
}

// The action update has no place for accounts: when it becomes lifecycle, they
// stay.
func TestAdoptedByUpdateStays(t *testing.T) {
	s := existing(func(s *scene) { s.set.Adopt, s.set.Action = AdoptAuto, ActionUpdate })
	s.apply(t, s.plan(t), s.updates)
	s.set.Action = ActionLifecycle
	s.apply(t, s.plan(t), s.updates)
	if got := s.entries["g1"].DN.Parent(); got != support {
		t.Errorf("it was moved to %s", got)
	}
}

func TestDigestOfAnAdoption(t *testing.T) {
	digest := func(change func(*scene)) string { return existing(change).plan(t).Changes[0].Operations[0].Digest }
	base := digest(func(*scene) {})
	for name, c := range map[string]struct {
		change func(*scene)
		same   bool
	}{
		"nothing":            {func(*scene) {}, true},
		"a limit":            {func(s *scene) { s.set.Limits = map[ident.Class]Limit{ident.ClassRename: {}} }, true},
		"applied, not held":  {func(s *scene) { s.set.Adopt = AdoptAuto }, true},
		"another new value":  {func(s *scene) { s.records[0].Fields["title"] = "CEO" }, false},
		"another old value":  {func(s *scene) { s.entries["g1"].Attributes["title"] = []string{"Cook"} }, false},
		"one more attribute": {func(s *scene) { s.records[0].Fields["info"] = "x" }, false},
		"another name":       {func(s *scene) { s.records[0].Fields["cn"] = "Bo" }, false},
		"no group":           {func(s *scene) { delete(s.records[0].Fields, "groups") }, false},
		"it is to be moved":  {func(s *scene) { s.set.AdoptMove = true }, false},
		"ou names another":   {func(s *scene) { s.records[0].Fields["ou"] = leavers }, false},
	} {
		if got := digest(c.change); (got == base) != c.same {
			t.Errorf("%s: the digest is the same: %t", name, got == base)
		}
	}
}

// What follows from an adoption is the same operation in the next run: when
// only the adoption is approved, the rest stays held.
func TestFollowersKeepTheirDigests(t *testing.T) {
	s := existing(func(s *scene) { s.set.AdoptMove = true })
	held := map[string]bool{}
	p := s.plan(t)
	for _, op := range p.Changes[0].Operations[1:] {
		held[op.Digest] = true
	}
	adopt := p.Changes[0]
	adopt.Operations = adopt.Operations[:1]
	adopt.Operations[0].Verdict = ident.VerdictApply
	s.apply(t, ident.Plan{Changes: []ident.Change{adopt}}, nil)
	ops := s.plan(t).Changes[0].Operations
	if len(ops) != len(held) {
		t.Errorf("%d operations, %d were held", len(ops), len(held))
	}
	for _, op := range ops {
		if !held[op.Digest] {
			t.Errorf("%s was not held as it is planned now", op.Class)
		}
	}
}

// Limits in percent count the accounts that the plan links by itself.
func TestLimitsOfWhatFollows(t *testing.T) {
	crowd := func(adopt Adopt) *scene {
		s := newScene()
		s.set.Adopt = adopt
		for i := range 20 {
			key := ident.Key(rune('a' + i))
			s.record(key, map[string]any{"title": "New"})
			s.account("g"+ident.GUID(key), staff.Child("Ada "+string(key)), "mail", "ada"+string(key)+"@x")
		}
		return s
	}
	if got, want := verdicts(crowd(AdoptAuto).plan(t)), "update apply a b c d e f g h i j"; !slices.Contains(got, want) {
		t.Errorf("adopted by themselves: %q", got)
	}
	p := crowd(AdoptReview).plan(t)
	for _, l := range p.Limits {
		if l.Class == ident.ClassUpdate && l.Allowed != 5 || l.Class == ident.ClassDisable && l.Allowed != 5 {
			t.Errorf("adoptions that are held raise the limit: %+v", l)
		}
	}
}

// Who was adopted and left comes back to where the account was, and stays
// there until ou names another place.
func TestAdoptedReturnerGoesBack(t *testing.T) {
	s := existing(func(s *scene) { s.set.Adopt = AdoptAuto })
	run := func(want ident.DN) {
		t.Helper()
		s.apply(t, s.plan(t), s.updates)
		if got := s.entries["g1"].DN.Parent(); got != want {
			t.Errorf("it is in %s, want %s", got, want)
		}
	}
	run(support)
	back := s.records
	s.records = nil
	s.record("12", nil)
	run(leavers)
	s.records = append(s.records, back...)
	run(support)
	run(support)
	if l := s.links["11"]; l.Placed != support || l.OU != staff || l.Left != "" {
		t.Errorf("the link remembers %+v", l)
	}
	s.records[1].Fields["ou"] = leavers
	run(leavers)
}
