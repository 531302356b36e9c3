package plan

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// reports makes the source report keys as deleted.
func (s *scene) reports(keys ...ident.Key) {
	before := s.before
	s.before = func(b *Builder) {
		if before != nil {
			before(b)
		}
		for _, key := range keys {
			b.Deleted(key)
		}
	}
}

const (
	isDeleted   = "deleted: pipedrive reports that the key 12 was deleted"
	disabled12  = "12 apply disable CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12,OU=Leavers,DC=x | " + isDeleted
	changesOnly = "nobody missing | an endpoint delivers changes only, not everybody"
)

// deletion is a run in which 11 is delivered and 12 reported as deleted.
func deletion(change func(*scene, *ident.Entry, *ident.Link)) func(*scene) {
	return func(s *scene) {
		s.known("11", nil)
		e, l := s.linked("12")
		s.reports("12")
		change(s, e, l)
	}
}

func TestDeletions(t *testing.T) {
	since := noon.AddDate(0, 0, -3)
	runCases(t, []planCase{
		{"reported: disabled and moved", deletion(func(*scene, *ident.Entry, *ident.Link) {}), []string{disabled12}},
		{"in mode changes: nobody else is missing", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.linked("13")
			s.delivery.ChangesOnly = true
		}), []string{disabled12, changesOnly}},
		{"in mode changes without any record", func(s *scene) {
			s.linked("12")
			s.reports("12")
			s.delivery.ChangesOnly = true
		}, []string{disabled12, changesOnly}},
		{"without any record in mode full: nobody else is missing", func(s *scene) {
			s.linked("12")
			s.linked("13")
			s.reports("12")
		}, []string{disabled12, nobodyAtAll}},
		{"another record may be anybody's: this key is deleted all the same", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.linked("13")
			s.delivery.Doubt = "2 records have no key"
		}), []string{disabled12, "nobody missing | the delivery is not complete: 2 records have no key"}},
		{
			"beside one that is missing: each has its own reason", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) { s.linked("13") }),
			[]string{
				disabled12, "13 apply disable CN=Ada 13,OU=Staff,DC=x -> CN=Ada 13,OU=Leavers,DC=x | missing: pipedrive no longer delivers the key 13",
			},
		},
		{"keep: nothing", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) { s.set.Missing = Missing{} }), []string{
			" note | 1 account is missing; missing.action is keep",
		}},
		{"the fetch did not end properly: nothing", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.delivery = Delivery{ChangesOnly: true, Reason: "page 3: cut"}
		}), []string{"nobody missing | the delivery is not complete: page 3: cut"}},
		{"delivered and deleted: set aside, present", func(s *scene) {
			s.linked("12")
			s.before = func(b *Builder) { b.Contradiction("12") }
		}, []string{
			"12 quarantine | pipedrive delivered the key 12 and reported it as deleted at once; it counts as present | look at this key at the " +
				"source: when it delivers or reports it once more, that counts",
		}},
		{"a part of it is staged: present", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.delivery.Present = func(key ident.Key) (bool, error) { return key == "12", nil }
		}), nil},
		{"a part of it is staged, in mode changes: present", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.delivery.Present = func(key ident.Key) (bool, error) { return key == "12", nil }
			s.delivery.ChangesOnly = true
		}), []string{changesOnly}},
		{"set aside while staging, in mode changes: present", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.before = func(b *Builder) { b.Deleted("12"); b.Quarantine("12", "Ada", "join: no photo", "add one") }
			s.delivery.ChangesOnly = true
		}), []string{"12 quarantine | join: no photo | add one", changesOnly}},
		{"not linked: nothing", func(s *scene) {
			s.known("11", nil)
			s.account("g12", staff.Child("Ada 12"), "employeeNumber", "pipedrive:12")
			s.reports("12")
		}, nil},
		{"linked by another automation: nothing", deletion(func(_ *scene, _ *ident.Entry, l *ident.Link) { l.Automation = "contractors" }), nil},
		{"protected: left alone", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) { s.protected["g12"] = "adminCount is 1" }), []string{
			"12 account | " + isDeleted + stays + "CN=Ada 12,OU=Staff,DC=x is protected: adminCount is 1" + byHand12,
		}},
		{
			"out of the directory's scope: left alone", deletion(func(_ *scene, e *ident.Entry, _ *ident.Link) { e.DN = outside.Child("Ada 12") }),
			[]string{
				"12 account | " + isDeleted + stays +
					"CN=Ada 12,OU=Servers,DC=x is outside the scope of [directory] | disable the account by hand, or move it back into scope" + accept12,
			},
		},
		{"not in the directory any more: told", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) { delete(s.entries, "g12") }), []string{
			"12 account | " + isDeleted + accountGone12,
		}},
		{"disabled by somebody else: told", deletion(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"514"}
		}), []string{"12 note | " + isDeleted + "; the account was already disabled by somebody else"}},
		{"disabled and moved before: nothing", deletion(func(_ *scene, e *ident.Entry, l *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"514"}
			l.MissingSince, l.Placed, e.DN = &since, leavers, leavers.Child("Ada 12")
		}), nil},
		{"another key matches the same account: left alone", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.record("14", map[string]any{"mail": "ada12@x"})
		}), []string{
			"12 account | " + isDeleted + stays +
				"the key 14 matches the same account | if both are one person, who has another key now: rollcall link rekey staff 12 14",
			"14 quarantine | mail = ada12@x: CN=Ada 12,OU=Staff,DC=x is linked to the key 12 | correct the value at the source, or if both are " +
				"one person, who has another key now: rollcall link rekey staff 12 14",
		}},
		{"action create: nothing", action(ActionCreate, deletion(func(*scene, *ident.Entry, *ident.Link) {})), []string{
			" note | 1 key is reported as deleted; the action create does nothing about that", createsNobody,
		}},
		{"action update: nothing", action(ActionUpdate, deletion(func(*scene, *ident.Entry, *ident.Link) {})), []string{
			" note | 1 key is reported as deleted; the action update does nothing about that", updatesNobody,
		}},
		{"approval is always: held", deletion(func(s *scene, _ *ident.Entry, _ *ident.Link) { s.set.Approval = ApprovalAlways }), []string{
			"12 hold disable CN=Ada 12,OU=Staff,DC=x -> CN=Ada 12,OU=Leavers,DC=x | " + isDeleted + "; held: approval is always",
		}},
	})
}

// A flood of deletions is held by the limit for disables, and one that makes
// the source as much smaller as source_shrink says is held as a whole.
func TestFloodOfDeletions(t *testing.T) {
	for name, c := range map[string]struct {
		links, deleted int
		changes        bool
		shrink         Limit
		applied, held  int
	}{
		"few in mode changes":          {100, 5, true, DefaultSourceShrink(), 5, 0},
		"over the limit":               {100, 12, true, DefaultSourceShrink(), 5, 7},
		"as many as a shrink":          {100, 21, true, DefaultSourceShrink(), 0, 21},
		"in mode full":                 {100, 12, false, DefaultSourceShrink(), 5, 7},
		"as many as a shrink, full":    {100, 21, false, DefaultSourceShrink(), 0, 21},
		"a shrink is allowed":          {100, 60, true, Limit{Unlimited: true}, 5, 55},
		"all of them, and no record":   {100, 100, false, DefaultSourceShrink(), 0, 100},
		"all of them, in mode changes": {100, 100, true, DefaultSourceShrink(), 0, 100},
		"one of four, in mode changes": {4, 1, true, DefaultSourceShrink(), 0, 1},
		"one of five, in mode changes": {5, 1, true, DefaultSourceShrink(), 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.set.SourceShrink = c.shrink
			s.delivery.ChangesOnly = c.changes
			s.hist.CurrentLinks, s.hist.LastDelivered = c.links, 0
			for i := range c.links {
				key := ident.Key(fmt.Sprintf("%03d", i))
				switch {
				case i < c.deleted:
					s.linked(key)
					s.reports(key)
				case c.changes:
					s.linked(key)
				default:
					s.known(key, nil)
				}
			}
			applied, held := 0, 0
			p := s.plan(t)
			eachOperation(p, func(_ ident.Change, op ident.Operation) {
				switch {
				case op.Class == ident.ClassDisable && op.Verdict == ident.VerdictApply:
					applied++
				case op.Class == ident.ClassDisable && op.Verdict == ident.VerdictHold:
					held++
				}
			})
			if applied != c.applied || held != c.held || p.Records.Deleted != c.deleted {
				t.Errorf("%d applied, %d held, counts %+v; %v", applied, held, p.Records, trace(p)[:1])
			}
		})
	}
}

// Copies of records cast doubt on who is missing, not on who is deleted.
func TestCopiesDoNotDoubtDeletions(t *testing.T) {
	s := newScene()
	s.known("11", nil)
	s.linked("12")
	s.linked("13")
	s.before = func(b *Builder) { b.Duplicate("14", 2) }
	s.reports("12")
	var got []string
	eachOperation(s.plan(t), func(c ident.Change, op ident.Operation) {
		got = append(got, fmt.Sprint(c.Key, " ", op.Verdict, " ", op.Class))
	})
	if want := []string{"12 apply disable", "13 hold disable"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// In any world, a deletion disables nobody but the account whose link has that
// key, and nothing at all where it must not.
func TestDeletionsTouchTheirLinkOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		drawLimits(t, s)
		if rapid.IntRange(0, 3).Draw(t, "doubt") == 0 {
			s.delivery.Doubt = "a record has no key"
		}
		without := map[ident.Key]bool{}
		eachOperation(s.plan(t), func(c ident.Change, op ident.Operation) {
			without[c.Key] = without[c.Key] || op.Class == ident.ClassDisable || op.Class == ident.ClassMove
		})
		delivered := map[ident.Key]bool{}
		for _, rec := range s.records {
			delivered[rec.Key] = true
		}
		gone := map[ident.Key]bool{}
		for i := range 7 {
			key := ident.Key(fmt.Sprint(i))
			if rapid.Bool().Draw(t, "reported") && !delivered[key] {
				gone[key] = true
				s.reports(key)
			}
		}
		p := s.plan(t)
		eachOperation(p, func(c ident.Change, op ident.Operation) {
			if op.Class != ident.ClassDisable && op.Class != ident.ClassMove || without[c.Key] {
				return
			}
			l := s.links[c.Key]
			switch {
			case delivered[c.Key] && op.Class == ident.ClassMove: // a place may be free now
			case !gone[c.Key]:
				t.Fatalf("%s of %s, which is not reported as deleted: %v", op.Class, c.Key, trace(p))
			case l == nil || l.Automation != "staff" || l.GUID != c.GUID:
				t.Fatalf("%s of %s %s, link %+v", op.Class, c.Key, c.GUID, l)
			case !s.delivery.Complete || s.set.Action != ActionLifecycle || s.set.Missing.Action != MissingDisable:
				t.Fatalf("%s of %s: %+v %+v", op.Class, c.Key, s.delivery, s.set)
			}
		})
		neverTwice(t, s, p)
		neverTouched(t, s, p)
		s.apply(t, p, s.updates)
	})
}

func TestUnsettled(t *testing.T) {
	s := newScene()
	s.known("01", nil)                                   // nothing to do
	s.known("02", map[string]any{"mail": "new@x"})       // an update
	s.record("03", nil)                                  // a create
	s.known("04", map[string]any{"mail": "unmappable"})  // quarantine
	e, _ := s.known("05", map[string]any{"ou": support}) // a note
	e.Attributes["useraccountcontrol"] = []string{"514"}
	done, l := s.linked("06") // deleted, and all is done
	since := noon
	l.MissingSince, l.Placed, done.DN = &since, leavers, leavers.Child("Ada 06")
	done.Attributes["useraccountcontrol"] = []string{"514"}
	s.account("g08", staff.Child("Old"), "mail", "ada08@x")
	s.record("08", nil) // an adoption, held
	s.reports("06", "07")
	s.delivery.ChangesOnly = true
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	s.before(b)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Finish(s.delivery); err != nil {
		t.Fatal(err)
	}
	if got, want := b.Unsettled(), []ident.Key{"02", "03", "04", "05", "06", "08"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// In mode changes each record and each deletion is delivered once. Given again
// as long as it is not settled, nothing of it is lost: what a plan of
// everything would still do is about keys that are kept.
func TestWhatIsSettledHasNothingLeftToDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		drawLimits(t, s)
		s.delivery = Delivery{Complete: true, ChangesOnly: true}
		all := s.records
		delivered := map[ident.Key]bool{}
		for _, rec := range all {
			delivered[rec.Key] = true
		}
		var deleted []ident.Key
		for i := range 7 {
			if key := ident.Key(fmt.Sprint(i)); !delivered[key] && rapid.Bool().Draw(t, "reported") {
				deleted = append(deleted, key)
			}
		}
		plan := func(given func(ident.Key) bool) (ident.Plan, []ident.Key) {
			b := NewBuilder(s.set, s.world, s.mapper, s.hist)
			for _, rec := range all { // in the order of keys
				if given(rec.Key) {
					if err := b.Add(rec); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, key := range deleted {
				if given(key) {
					b.Deleted(key)
				}
			}
			p, err := b.Finish(s.delivery)
			if err != nil {
				t.Fatal(err)
			}
			s.updates = b.LinkUpdates()
			return p, b.Unsettled()
		}
		kept := func(ident.Key) bool { return true }
		for range 4 {
			p, unsettled := plan(kept)
			s.apply(t, p, s.updates)
			s.hist.AnchorsTrusted = false
			kept = func(key ident.Key) bool { return slices.Contains(unsettled, key) }
		}
		p, _ := plan(func(ident.Key) bool { return true })
		eachOperation(p, func(c ident.Change, op ident.Operation) {
			if !kept(c.Key) {
				t.Fatalf("%s of %s is lost: %v", op.Class, c.Key, trace(p))
			}
		})
	})
}
