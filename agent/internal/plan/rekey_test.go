package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// rehired is a leaver whom rollcall disabled, and their record under another
// key.
func rehired(change func(*scene)) *scene {
	s := newScene()
	e, l := s.linked("12")
	since := noon
	l.MissingSince, l.Placed, l.Left, l.LeftOU = &since, leavers, staff, staff
	e.DN, e.Attributes["useraccountcontrol"] = leavers.Child("Ada 12"), []string{"514"}
	s.record("77", map[string]any{"cn": "Ada 12", "mail": "ada12@x"})
	change(s)
	return s
}

func (s *scene) rekey() (HandMade, error) {
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	if len(s.records) == 0 {
		made, _, err := b.Rekey("12", "77", nil, "pipedrive does not deliver a record with the key 77")
		return made, err
	}
	made, _, err := b.Rekey("12", "77", &s.records[0], "")
	return made, err
}

func TestRekeyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		says   string
	}{
		"the old key is not linked":    {func(s *scene) { delete(s.links, "12") }, "no account is linked to the key 12"},
		"of another automation":        {func(s *scene) { s.links["12"].Automation = "temps" }, "belongs to the automation temps"},
		"the new key is linked":        {func(s *scene) { s.linked("77") }, "the key 77 is linked to CN=Ada 77,OU=Staff,DC=x already"},
		"the account is gone":          {func(s *scene) { delete(s.entries, "g12") }, "is not in the directory"},
		"out of scope":                 {func(s *scene) { s.entries["g12"].DN = outside.Child("Ada") }, "outside the scope"},
		"protected":                    {func(s *scene) { s.protected["g12"] = "adminCount is 1" }, "is protected"},
		"an anchor of somebody else":   {func(s *scene) { s.entries["g12"].Attributes["employeenumber"] = []string{"4711"} }, "is already 4711"},
		"the new key is not delivered": {func(s *scene) { s.records = nil }, "does not deliver a record with the key 77"},
		"out of where":                 {func(s *scene) { s.records[0].Fields["active"] = false }, "is not what where asks for"},
		"cannot be mapped":             {func(s *scene) { s.records[0].Fields["title"] = "unmappable" }, "goes into quarantine"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rehired(c.change).rekey()
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) || refused.Next == "" {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// Who was disabled as missing is enabled under the new key, and moved back.
func TestRekey(t *testing.T) {
	s := rehired(func(*scene) {})
	before := s.plan(t)
	if len(before.Changes) > 0 || len(before.Quarantined) != 1 ||
		!strings.HasSuffix(before.Quarantined[0].Next, ": rollcall link rekey staff 12 77") {
		t.Fatalf("before: %q", trace(before))
	}
	made, err := s.rekey()
	if err != nil {
		t.Fatal(err)
	}
	op := made.Change.Operations[0]
	if op.Class != ident.ClassLink || op.FormerKey != "12" || op.Verdict != ident.VerdictApply || op.Attributes[0].Old[0] != "pipedrive:12" ||
		op.Attributes[0].New[0] != "pipedrive:77" {
		t.Errorf("the first operation is %+v", op)
	}
	if len(made.Change.Operations) != 2 || made.Change.Operations[1].Class != ident.ClassEnable {
		t.Errorf("what follows: %q", trace(ident.Plan{Changes: []ident.Change{made.Change}}))
	}
	link := *s.links["12"]
	link.Unseen = true
	link.Key = "77"
	link = ops.Remember(link, op, noon)
	if link.Origin != ident.OriginCreated || link.MissingSince == nil || link.Unseen || !link.Delivered {
		t.Errorf("the link remembers %+v", link)
	}
	delete(s.links, "12")
	s.links["77"] = &link
	s.entries["g12"].Attributes["employeenumber"] = []string{"pipedrive:77"}
	wantTrace(t, s.plan(t), "77 apply enable CN=Ada 12,OU=Leavers,DC=x -> CN=Ada 12,OU=Staff,DC=x | back: pipedrive delivers the key 77 "+
		"again; rollcall had disabled the account")
}

// A key that the anchor attribute cannot hold is refused before anything is
// written.
func TestRekeyToAKeyThatDoesNotFit(t *testing.T) {
	s := newScene()
	s.set.Schema = ident.Schema{"employeenumber": {Syntax: ident.SyntaxText, Upper: new(int64(20))}}
	s.linked("1")
	s.record("9999999999999999999", map[string]any{"cn": "Ada 1", "mail": "ada1@x"})
	_, _, err := NewBuilder(s.set, s.world, s.mapper, s.hist).Rekey("1", s.records[0].Key, &s.records[0], "")
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Error(), "the anchor does not fit into employeeNumber") {
		t.Errorf("err is %v", err)
	}
}
