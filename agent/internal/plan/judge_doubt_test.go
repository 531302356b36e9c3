package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// A delivery by which leavers may go unseen is in doubt, and so is one of which
// something is held; what is as it should be, or is no loss, is not.
func TestDoubt(t *testing.T) {
	links := func(change func(*scene)) *scene {
		s := newScene()
		for i := range 3 {
			s.known(ident.Key(fmt.Sprint(11+i)), nil)
		}
		s.hist.CurrentLinks, s.hist.LastDelivered = 3, 3
		change(s)
		return s
	}
	nobody := func(s *scene) { s.records = nil }
	keyless := func(s *scene) {
		s.before = func(b *Builder) { b.Quarantine("", "Bo", "no id", "give it one") }
	}
	doubled := func(s *scene) { s.delivery.Doubt = "1 of the delivered keys came more than once" }
	and := func(changes ...func(*scene)) func(*scene) {
		return func(s *scene) {
			for _, change := range changes {
				change(s)
			}
		}
	}
	keep := func(s *scene) { s.set.Missing = Missing{} }
	short := func(s *scene) {
		s.records = s.records[:1]
		s.set.SourceShrink, s.set.Limits = DefaultSourceShrink(), map[ident.Class]Limit{ident.ClassDisable: {Unlimited: true}}
	}
	decided := func(result ident.Result) func(*scene) {
		return func(s *scene) {
			s.hist.Decided = func(_ ident.Key, class ident.Class, _ string) (int64, ident.Result, bool) {
				return 7, result, class == ident.ClassDisable
			}
		}
	}
	const (
		empty  = "pipedrive delivered no record at all"
		shrink = "source_shrink is 20%: 1 record instead of 3"
	)
	for name, c := range map[string]struct {
		scene *scene
		want  string
	}{
		"all are there":                  {links(func(*scene) {}), ""},
		"one leaver":                     {links(func(s *scene) { s.records = s.records[1:] }), ""},
		"nobody":                         {links(nobody), empty},
		"nobody, and nobody ever before": {links(and(nobody, func(s *scene) { s.links, s.hist = nil, History{} })), empty},
		"nobody, missing.action keep":    {links(and(nobody, keep)), empty},
		"nobody, the action create":      {links(and(nobody, func(s *scene) { s.set.Action = ActionCreate })), empty},
		"nobody new, the action create": {links(and(nobody,
			func(s *scene) { s.set.Action, s.links, s.hist = ActionCreate, nil, History{} })), ""},
		"no change, in mode changes":            {links(and(nobody, func(s *scene) { s.delivery.ChangesOnly = true })), ""},
		"a record without a key":                {links(keyless), "1 record has no key and may be anybody's"},
		"a record without a key, in changes":    {links(and(keyless, func(s *scene) { s.delivery.ChangesOnly = true })), ""},
		"a record without a key, keep":          {links(and(keyless, keep)), ""},
		"a record without a key, action update": {links(and(keyless, func(s *scene) { s.set.Action = ActionUpdate })), ""},
		"a key twice":                           {links(doubled), "the delivery is not complete: 1 of the delivered keys came more than once"},
		"a key twice, keep":                     {links(and(doubled, keep)), ""},
		"cut off":                               {links(func(s *scene) { s.delivery.Complete = false }), "the delivery is not complete"},
		"source_shrink holds":                   {links(short), shrink},
		"source_shrink refuses":                 {links(and(short, func(s *scene) { s.set.Approval = ApprovalNever })), shrink},
		"source_shrink holds since a run":       {links(and(short, decided(ident.ResultHeld))), shrink},
		"source_shrink, and all was rejected":   {links(and(short, decided(ident.ResultRejected))), ""},
		"source_shrink holds nothing":           {links(and(short, keep)), ""},
		"known keys, creates held": {
			renumbered(5, 5, 0, keep),
			"source_shrink is 20%: 5 of 5 linked keys are not among those delivered",
		},
		"over a limit, the delivery is whole": {links(func(s *scene) {
			s.records = s.records[1:]
			s.set.Limits = map[ident.Class]Limit{ident.ClassDisable: {}}
		}), ""},
	} {
		if p := c.scene.plan(t); p.Doubt != c.want {
			t.Errorf("%s: in doubt because of %q, want %q", name, p.Doubt, c.want)
		}
	}
}

// What is left out because it was refused before is counted, until its time has
// come or a person said that it is meant to be so.
func TestWhatWasRefusedBeforeIsCounted(t *testing.T) {
	changed := func(again time.Duration) *scene {
		s := newScene()
		s.known("11", map[string]any{"mail": "new@x"})
		s.known("12", nil)
		s.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
			r := ident.Refusal{
				Key: key, Part: part, Digest: ops.AppliedDigest(ident.AttributeChange{Name: "mail", New: []string{"new@x"}}),
				Cause: "refused", Next: "ask", Again: noon.Add(again),
			}
			return r, key == "11" && part == "mail"
		}
		return s
	}
	accepted := changed(time.Hour)
	accepted.hist.Accepted = func(ident.QuarantineItem) (string, bool) { return "ada", true }
	for name, c := range map[string]struct {
		scene *scene
		want  int
	}{
		"waits": {changed(time.Hour), 1}, "its time has come": {changed(-time.Hour), 0}, "accepted": {accepted, 0},
	} {
		if p := c.scene.plan(t); p.Refused != c.want {
			t.Errorf("%s: %d are left out, want %d: %v", name, p.Refused, c.want, trace(p))
		}
	}
}
