package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// drawScene makes a small world in which everything happens often: equal
// names, shared mails, links in every state, accounts moved, renamed, disabled
// and edited by hand.
func drawScene(t *rapid.T) *scene {
	s := newScene()
	s.set.Action = rapid.SampledFrom([]Action{ActionLifecycle, ActionLifecycle, ActionLifecycle, ActionUpdate, ActionCreate}).Draw(t, "action")
	s.set.Adopt = rapid.SampledFrom([]Adopt{"", AdoptReview, AdoptAuto, AdoptNever}).Draw(t, "adopt")
	s.set.Missing = Missing{
		Action: rapid.SampledFrom([]MissingAction{MissingDisable, MissingDisable, MissingKeep}).Draw(t, "missing"),
		MoveTo: rapid.SampledFrom([]ident.DN{"", leavers, "OU=Nowhere,OU=Staff,DC=x", outside}).Draw(t, "move_to"),
	}
	s.set.Match = rapid.SampledFrom([][]string{nil, {"mail"}, {"employeeID", "mail"}}).Draw(t, "match")
	s.set.Anchor = rapid.SampledFrom([]string{"employeeNumber", "employeeNumber", ""}).Draw(t, "anchor")
	s.hist.AnchorsTrusted = rapid.Bool().Draw(t, "state lost")
	s.mapper.rules = map[string]attributeRule{
		"mail":           {unique: rapid.SampledFrom([]mapping.Unique{"", mapping.UniqueForest}).Draw(t, "unique")},
		"title":          {directory: rapid.Bool().Draw(t, "directory")},
		"proxyAddresses": {add: true},
		"info":           {apply: rapid.SampledFrom([]ident.Apply{ident.ApplyAlways, ident.ApplyCreate, ident.ApplyIfEmpty}).Draw(t, "apply")},
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "accounts") {
		drawAccount(t, s, i)
	}
	for i := range 7 {
		if rapid.Bool().Draw(t, "delivered") {
			drawRecord(t, s, ident.Key(fmt.Sprint(i)))
		}
	}
	return s
}

func value(t *rapid.T, label string, values ...string) string {
	return rapid.SampledFrom(values).Draw(t, label)
}

func drawAccount(t *rapid.T, s *scene, i int) {
	dn := rapid.SampledFrom([]ident.DN{staff, staff, support, leavers, outside}).Draw(t,
		"container").Child(value(t, "cn", "Ada", "Bo", "Cy", "ada (2)"))
	if taken, _ := s.ChildrenByName(dn.Parent(), dn.Name()); len(taken) > 0 {
		return
	}
	guid := ident.GUID(fmt.Sprintf("g%d", i))
	e := s.put(guid, dn, "objectClass", value(t, "kind", "user", "user", "user", "contact"), "userAccountControl",
		value(t, "uac", "512", "512", "514", "unknown"))
	for _, name := range []string{"mail", "title", "info", "employeeID"} {
		if v := value(t, name, "", "a@x", "b@x", "c@x", "A@x"); v != "" {
			e.Attributes[map[string]string{"employeeID": "employeeid"}[name]+map[bool]string{true: name}[name != "employeeID"]] = []string{v}
		}
	}
	if v := value(t, "proxy", "", "SMTP:a@x", "smtp:b@x"); v != "" {
		e.Attributes["proxyaddresses"] = []string{v, "x500:/o"}
	}
	key := ident.Key(value(t, "key", "0", "1", "2", "3", "4", "5", "6"))
	if v := value(t, "anchor of", "none", "own", "own", "foreign"); v != "none" {
		e.Attributes["employeenumber"] = []string{map[string]string{"own": "pipedrive:" + string(key), "foreign": "4711"}[v]}
	}
	if rapid.IntRange(0, 5).Draw(t, "protected") == 0 {
		s.protected[guid] = "adminCount is 1"
	}
	if _, taken := s.links[key]; taken || rapid.IntRange(0, 2).Draw(t, "linked") == 0 {
		return
	}
	l := &ident.Link{
		Application: "pipedrive", Key: key, GUID: guid, Created: noon, Automation: value(t, "owner", "staff", "staff", "staff", "others"),
		Origin:  rapid.SampledFrom([]ident.LinkOrigin{ident.OriginCreated, ident.OriginAdopted, ident.OriginRestored}).Draw(t, "origin"),
		Placed:  rapid.SampledFrom([]ident.DN{"", staff, support, leavers, dn.Parent()}).Draw(t, "placed"),
		Applied: map[string]string{},
	}
	for _, name := range []string{"mail", "title", "cn", "proxyaddresses"} {
		switch value(t, "applied "+name, "unknown", "current", "other") {
		case "current":
			l.Applied[name] = ops.Digest(e.Attributes.Values(name))
		case "other":
			l.Applied[name] = ops.Digest([]string{"a@x"})
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "was missing") == 0 {
		since := noon.AddDate(0, 0, -2)
		l.MissingSince = &since
	}
	s.links[key] = l
	if rapid.IntRange(0, 9).Draw(t, "deleted") == 0 {
		delete(s.entries, guid)
	}
}

func drawRecord(t *rapid.T, s *scene, key ident.Key) {
	fields := map[string]any{"cn": value(t, "name", "Ada", "ADA", "Bo", "Cy")}
	for _, name := range []string{"mail", "title", "info", "employeeID"} {
		switch v := value(t, name, "", "null", "a@x", "b@x", "d@x", "unmappable"); v {
		case "":
		case "null":
			fields[name] = nil
		case "unmappable":
			if name == "info" {
				fields[name] = v
			}
		default:
			fields[name] = v
		}
	}
	if rapid.Bool().Draw(t, "proxy") {
		fields["proxyAddresses"] = []string{"SMTP:" + value(t, "primary", "a@x", "d@x")}
	}
	if rapid.Bool().Draw(t, "grouped") {
		fields["groups"] = []ident.DN{crm}
	}
	if ou := rapid.SampledFrom([]ident.DN{"", support, "OU=Legal,OU=Staff,DC=x", outside}).Draw(t, "ou"); ou != "" {
		fields["ou"] = ou
	}
	fields["active"] = rapid.SampledFrom([]any{true, true, true, true, false, nil}).Draw(t, "active")
	s.record(key, fields)
	if rapid.IntRange(0, 15).Draw(t, "twice") == 0 {
		s.record(key, fields)
	}
}

// drawLimits makes the run one whose delivery or limits may stand in its way.
func drawLimits(t *rapid.T, s *scene) {
	s.set.Approval = rapid.SampledFrom([]Approval{"", ApprovalOverLimit, ApprovalNever, ApprovalAlways}).Draw(t, "approval")
	s.set.Limits = map[ident.Class]Limit{}
	s.hist.Used = map[ident.Class]int{}
	for _, class := range ident.Classes {
		if class == ident.ClassReferences { // it has no limit of its own
			continue
		}
		if rapid.Bool().Draw(t, "limited") {
			s.set.Limits[class] = Limit{Count: rapid.IntRange(0, 3).Draw(t, "count"), Percent: float64(rapid.IntRange(0, 100).Draw(t, "percent"))}
			s.hist.Used[class] = rapid.IntRange(0, 3).Draw(t, "used")
		}
	}
	s.hist.CurrentLinks, s.hist.PeakLinks = len(s.links), rapid.IntRange(0, 10).Draw(t, "peak")
	s.hist.LastDelivered = rapid.IntRange(0, 10).Draw(t, "last delivered")
	s.set.SourceShrink = rapid.SampledFrom([]Limit{DefaultSourceShrink(), {Percent: 50}, {Unlimited: true}}).Draw(t, "shrink")
	s.delivery = Delivery{
		Complete: rapid.IntRange(0, 4).Draw(t, "broken") > 0, ChangesOnly: rapid.IntRange(0, 4).Draw(t, "changes") == 0,
		Skipped: rapid.IntRange(0, 2).Draw(t, "skipped"),
	}
}

func eachOperation(p ident.Plan, fn func(ident.Change, ident.Operation)) {
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			fn(c, op)
		}
	}
}

// What must never happen, in any world.
func TestNever(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		drawLimits(t, s)
		p := s.plan(t)
		neverTwice(t, s, p)
		neverTouched(t, s, p)
		neverMissing(t, s, p)
		neverOverTheLimit(t, s, p)
		s.apply(t, p, s.updates) // what the plan says is true, and no DC would refuse it
	})
}

func neverTwice(t *rapid.T, s *scene, p ident.Plan) {
	keys, guids, dns := map[ident.Key]bool{}, map[ident.GUID]bool{}, map[string]bool{}
	for _, c := range p.Changes {
		if keys[c.Key] || c.GUID != "" && guids[c.GUID] {
			t.Fatalf("two changes of %s %s", c.Key, c.GUID)
		}
		keys[c.Key], guids[c.GUID] = true, true
		classes := map[ident.Class]bool{}
		for _, op := range c.Operations {
			if op.Aside {
				continue // the operation that it makes room for follows
			}
			if classes[op.Class] {
				t.Fatalf("two operations %s of %s", op.Class, c.Key)
			}
			classes[op.Class] = true
		}
		if last := c.Operations[len(c.Operations)-1]; last.To != "" && dns[last.To.Fold()] {
			t.Fatalf("two objects at %s", last.To)
		} else if last.To != "" {
			dns[last.To.Fold()] = true
		}
	}
	for _, q := range p.Quarantined {
		if keys[q.Key] && q.Part == "" {
			t.Fatalf("%s is quarantined and changed", q.Key)
		}
		if q.Cause == "" || q.Next == "" {
			t.Fatalf("%s: a quarantine without cause or next step: %+v", q.Key, q)
		}
	}
	eachOperation(p, func(c ident.Change, op ident.Operation) {
		_, linked := s.links[c.Key]
		first := c.Operations[0]
		switch {
		case linked == ops.MakesLink(first.Class):
			t.Fatalf("%s %s, linked %t", c.Key, first.Class, linked)
		case ops.MakesLink(op.Class) && op.Digest != first.Digest:
			t.Fatalf("%s is linked twice", c.Key)
		case !linked && op.Verdict == ident.VerdictApply && first.Verdict != ident.VerdictApply:
			t.Fatalf("%s %s is applied although %s is not", c.Key, op.Class, first.Class)
		case first.Class == ident.ClassCreate && op.Class != ident.ClassCreate && op.Class != ident.ClassGroups:
			t.Fatalf("%s %s of an account that is about to be created", c.Key, op.Class)
		}
		for _, l := range s.links {
			if l.GUID == c.GUID && l.Key != c.Key {
				t.Fatalf("%s %s of an account that is linked to %s", c.Key, op.Class, l.Key)
			}
		}
	})
}

func neverTouched(t *rapid.T, s *scene, p ident.Plan) {
	eachOperation(p, func(c ident.Change, op ident.Operation) {
		if s.protected[c.GUID] != "" {
			t.Fatalf("%s %s of a protected account", c.Key, op.Class)
		}
		for _, dn := range []ident.DN{c.DN, op.From, op.To} {
			if dn != "" && !slices.ContainsFunc(s.set.Scope, dn.Under) {
				t.Fatalf("%s %s of %s, out of scope", c.Key, op.Class, dn)
			}
		}
		e := s.entries[c.GUID]
		if op.Class == ident.ClassAdopt && e.Attributes.First("userAccountControl") != "512" {
			t.Fatalf("%s adopts an account that is not enabled", c.Key)
		}
		if l := s.links[c.Key]; op.Class == ident.ClassEnable && l.MissingSince == nil {
			t.Fatalf("%s enables what somebody else disabled", c.Key)
		}
		if l := s.links[c.Key]; l != nil && l.Automation != "staff" && op.Class != ident.ClassUpdate {
			t.Fatalf("%s %s of another automation's account", c.Key, op.Class)
		}
		for _, ch := range op.Attributes {
			if ch.Name == s.set.Anchor && len(ch.Old) > 0 && !slices.Equal(ch.Old, ch.New) {
				t.Fatalf("%s overwrites an anchor: %v", c.Key, ch)
			}
		}
	})
}

func neverMissing(t *rapid.T, s *scene, p ident.Plan) {
	whole := s.delivery.Complete && !s.delivery.ChangesOnly && len(s.records)+s.delivery.Skipped > 0 && s.set.Action == ActionLifecycle
	if whole != (p.NobodyMissing == "") {
		t.Fatalf("nobody missing: %q", p.NobodyMissing)
	}
	eachOperation(p, func(c ident.Change, op ident.Operation) {
		if op.Class != ident.ClassDisable {
			return
		}
		if !whole || s.set.Missing.Action != MissingDisable {
			t.Fatalf("%s is disabled", c.Key)
		}
		for _, rec := range s.records {
			if rec.Key == c.Key && rec.Fields["active"] != false {
				t.Fatalf("%s is disabled although it was delivered", c.Key)
			}
		}
	})
}

func neverOverTheLimit(t *rapid.T, s *scene, p ident.Plan) {
	applied := map[ident.Class]int{}
	eachOperation(p, func(c ident.Change, op ident.Operation) {
		if op.Verdict == ident.VerdictApply {
			applied[op.Class]++
		}
		if s.set.Approval == ApprovalAlways && op.Verdict == ident.VerdictApply && op.Class != ident.ClassLink {
			t.Fatalf("%s %s is applied although approval is always", c.Key, op.Class)
		}
	})
	for _, l := range p.Limits {
		if l.Allowed >= 0 && applied[l.Class] > max(0, l.Allowed-l.Used) {
			t.Fatalf("%d %s applied, limit %+v", applied[l.Class], l.Class, l)
		}
		if l.Planned-l.Over != applied[l.Class] {
			t.Fatalf("%d %s applied, limit %+v", applied[l.Class], l.Class, l)
		}
	}
	keys := map[ident.Key]bool{}
	for _, rec := range s.records {
		keys[rec.Key] = true
	}
	gone := s.hist.LastDelivered - len(keys) - s.delivery.Skipped
	if s.set.SourceShrink == DefaultSourceShrink() && 5*gone > s.hist.LastDelivered && applied[ident.ClassDisable] > 0 {
		t.Fatalf("%d disabled although the source lacks %d", applied[ident.ClassDisable], gone)
	}
}

// The same input gives the same plan, to the byte: the world ranges over its
// maps in another order each time.
func TestDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		drawLimits(t, s)
		first, err := json.Marshal(s.plan(t))
		if err != nil {
			t.Fatal(err)
		}
		updates := s.updates
		for range 4 {
			again, _ := json.Marshal(s.plan(t))
			if string(again) != string(first) {
				t.Fatalf("two plans:\n%s\n%s", first, again)
			}
			if !reflect.DeepEqual(updates, s.updates) {
				t.Fatalf("two lists of link updates:\n%v\n%v", updates, s.updates)
			}
		}
	})
}

// What a run applied, the next run does not plan again. An account that was
// linked is compared by the next run; a name that one run gives up is free for
// the next. Within a few runs nothing is left to apply.
func TestConvergence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.set.Limits = map[ident.Class]Limit{}
		for _, class := range ident.Classes {
			s.set.Limits[class] = Limit{Unlimited: true}
		}
		type done struct {
			key   ident.Key
			class ident.Class
		}
		last := map[done]string{}
		for run := range 6 {
			p := s.plan(t)
			now := map[done]string{}
			eachOperation(p, func(c ident.Change, op ident.Operation) {
				d := done{c.Key, op.Class}
				if op.Verdict == ident.VerdictApply && last[d] != "" {
					t.Fatalf("run %d plans again %s %s:\n%v\nbefore it was %s", run, c.Key, op.Class, trace(p), last[d])
				}
				if op.Verdict == ident.VerdictApply {
					now[d] = fmt.Sprint(op)
				}
			})
			if s.apply(t, p, s.updates) == 0 {
				return
			}
			last = now
			s.hist.AnchorsTrusted = false
		}
		t.Fatalf("not at rest after six runs: %v", trace(s.plan(t)))
	})
}
