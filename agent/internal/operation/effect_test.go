package operation

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// carriedOut is an account after an operation, in memory. It follows the
// definition of ident.Operation and asks nothing of this package.
func carriedOut(e ident.Entry, op ident.Operation) ident.Entry {
	e.Attributes = maps.Clone(e.Attributes)
	for _, ch := range op.Attributes {
		switch {
		case ch.Add && len(ch.New) > 0:
			e.Attributes.Set(ch.Name, append(slices.Clone(e.Attributes.Values(ch.Name)), ch.New...)...)
		case ch.Add:
		case len(ch.New) == 0:
			delete(e.Attributes, text.Lower(ch.Name))
		default:
			e.Attributes.Set(ch.Name, ch.New...)
		}
	}
	switch op.Class {
	case ident.ClassEnable:
		e.Attributes.Set("userAccountControl", "512")
	case ident.ClassDisable:
		e.Attributes.Set("userAccountControl", "514")
	case ident.ClassGroups:
		for _, g := range op.Groups {
			e.Attributes.Set("memberOf", append(slices.Clone(e.Attributes.Values("memberOf")), string(g))...)
		}
		e.Attributes["memberof"] = slices.DeleteFunc(slices.Clone(e.Attributes["memberof"]), func(dn string) bool {
			return slices.ContainsFunc(op.Left, ident.DN(dn).EqualFold)
		})
	}
	if op.To != "" {
		e.DN = op.To
		e.Attributes.Set("cn", op.To.Name())
	}
	return e
}

// normal is an account with the values of each attribute in order.
func normal(e ident.Entry) ident.Entry {
	e.Attributes = maps.Clone(e.Attributes)
	for name, values := range e.Attributes {
		e.Attributes[name] = sorted(values)
	}
	return e
}

func drawAccount(t *rapid.T) ident.Entry {
	name := rapid.SampledFrom([]string{"Ada", "Ada, Novak", "Bo"}).Draw(t, "name")
	at := rapid.SampledFrom([]ident.DN{staff, support, leavers}).Draw(t, "container")
	e := ident.Entry{GUID: "g1", DN: at.Child(name), Attributes: ident.Attributes{"cn": {name}}}
	e.Attributes.Set("userAccountControl", rapid.SampledFrom([]string{"512", "514"}).Draw(t, "state"))
	for _, attribute := range []string{"title", "other"} {
		if values := drawValues(t, attribute, 0); len(values) > 0 {
			e.Attributes.Set(attribute, values...)
		}
	}
	return e
}

func drawValues(t *rapid.T, what string, least int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), least, 3, rapid.ID[string]).Draw(t, what)
}

// drawOperation makes an operation that changes something about an account.
func drawOperation(t *rapid.T, e ident.Entry) ident.Operation {
	disabled, _ := e.Disabled()
	state := ident.ClassDisable
	if disabled {
		state = ident.ClassEnable
	}
	classes := []ident.Class{ident.ClassUpdate, ident.ClassRename, ident.ClassMove, ident.ClassGroups, state}
	op := ident.Operation{Class: rapid.SampledFrom(classes).Draw(t, "class")}
	to := e.DN
	switch op.Class {
	case ident.ClassUpdate:
		for _, attribute := range []string{"Title", "Other"} {
			ch := ident.AttributeChange{Name: attribute, Old: e.Attributes.Values(attribute), New: drawValues(t, "new "+attribute, 0)}
			if ch.Add = rapid.Bool().Draw(t, "add"); ch.Add {
				ch.New = slices.DeleteFunc(ch.New, func(v string) bool { return slices.Contains(ch.Old, v) })
			}
			op.Attributes = append(op.Attributes, ch)
		}
		return op
	case ident.ClassGroups:
		op.Groups = []ident.DN{crm}
		return op
	case ident.ClassRename:
		to = e.DN.Parent().Child("Other " + e.DN.Name())
	case ident.ClassMove:
		to = "OU=Elsewhere,DC=x"
		to = to.Child(rapid.SampledFrom([]string{e.DN.Name(), "Another"}).Draw(t, "new name"))
	default:
		if rapid.Bool().Draw(t, "moves") {
			to = ident.DN("OU=Elsewhere,DC=x").Child(e.DN.Name())
		}
	}
	if to != e.DN {
		op.From, op.To = e.DN, to
	}
	if to.Name() != e.DN.Name() {
		op.Attributes = []ident.AttributeChange{{Name: "cn", Old: []string{e.DN.Name()}, New: []string{to.Name()}}}
	}
	return op
}

// An account shows an operation once it is carried out, and the inverse brings
// back what was before, to the last value.
func TestAnInverseBringsBackWhatWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := drawAccount(t)
		op := drawOperation(t, before)
		after := carriedOut(before, op)
		if !Holds(after, op) {
			t.Fatalf("%+v is not seen on %+v", op, after)
		}
		if changed := cmp.Diff(normal(before), normal(after)); changed != "" && Holds(before, op) {
			t.Fatalf("%+v is seen before it happened, on %+v", op, before)
		}
		back, ok := Inverse(op)
		if op.Class == ident.ClassGroups {
			if ok {
				t.Fatal("no operation removes an account from a group")
			}
			return
		}
		if !ok {
			t.Fatalf("%+v has no inverse", op)
		}
		if d := cmp.Diff(normal(before), normal(carriedOut(after, back))); d != "" {
			t.Fatalf("%+v is taken back by %+v, and leaves (-before +after)\n%s", op, back, d)
		}
		forth, ok := Inverse(back)
		if d := cmp.Diff(normal(after), normal(carriedOut(before, forth))); d != "" || !ok {
			t.Fatalf("the inverse of the inverse (-once +twice)\n%s", d)
		}
	})
}

// What half of an operation says must be true of an account on which the other
// half failed.
func TestTheFirstHalfIsSeenByItself(t *testing.T) {
	for _, c := range []struct {
		class ident.Class
		state string
	}{{ident.ClassDisable, "514"}, {ident.ClassEnable, "512"}} {
		op := ident.Operation{
			Class: c.class, From: staff.Child("Ada"), To: leavers.Child("Ada 2"),
			Attributes: []ident.AttributeChange{{Name: "cn", Old: []string{"Ada"}, New: []string{"Ada 2"}}},
		}
		e := ident.Entry{DN: op.From, Attributes: ident.Attributes{"useraccountcontrol": {c.state}}}
		first, ok := FirstHalf(op)
		if !ok || !Holds(e, first) || Holds(e, op) {
			t.Errorf("%s: first half %+v (%t), seen %t; the whole is seen: %t", c.class, first, ok, Holds(e, first), Holds(e, op))
		}
	}
	update := ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", New: []string{"x"}}}}
	if whole, ok := FirstHalf(update); ok || cmp.Diff(update, whole) != "" {
		t.Errorf("an update has a half: %+v", whole)
	}
}

// A new class must be given its answers here before anything can be made of it.
func TestEveryClassIsKnown(t *testing.T) {
	for _, class := range ident.Classes {
		if !Known(class) {
			t.Errorf("%s is not known", class)
		}
		if Removes(class) != (class == ident.ClassDelete) {
			t.Errorf("%s removes the account: %t", class, Removes(class))
		}
	}
	if Known("restore") || Holds(ident.Entry{}, ident.Operation{Class: "restore"}) || MakesLink("restore") {
		t.Error("what is unknown has answers")
	}
	if _, ok := Inverse(ident.Operation{Class: "restore"}); ok {
		t.Error("what is unknown has an inverse")
	}
}

func TestWhatCannotBeTakenBack(t *testing.T) {
	for _, op := range []ident.Operation{
		{Class: ident.ClassCreate, To: staff.Child("Ada")},
		{Class: ident.ClassAdopt, To: staff.Child("Ada")},
		{Class: ident.ClassLink, To: staff.Child("Ada")},
		{Class: ident.ClassDelete},
		{Class: ident.ClassMove, To: staff.Child("Ada")}, // from where is not told
	} {
		if back, ok := Inverse(op); ok {
			t.Errorf("%s: %+v", op.Class, back)
		}
	}
}

// A table of what the classes answer, as a reader would look it up.
func TestClasses(t *testing.T) {
	var table []string
	for _, class := range ident.Classes {
		row := []string{string(class), Sign(class), "undone=" + Undone(class)}
		silent := !Writes(ident.Operation{Class: class})
		for name, is := range map[string]bool{"link": MakesLink(class), "account": MakesAccount(class), "silent": silent} {
			if is {
				row = append(row, name)
			}
		}
		slices.Sort(row[3:])
		table = append(table, strings.Join(row, " "))
	}
	want := []string{
		"link ~ undone=account link silent", "adopt ~ undone=account link", "create + undone= account link", "enable + undone=account",
		"update ~ undone=account", "rename ~ undone=account", "move ~ undone=account", "references ~ undone=account", "groups ~ undone=groups", "disable - undone=account",
		"delete - undone=account",
	}
	if d := cmp.Diff(want, table); d != "" {
		t.Error(d)
	}
}

func TestTarget(t *testing.T) {
	at := staff.Child("Ada")
	for i, c := range []struct {
		class    ident.Class
		to       Target
		from, at ident.DN // From and To
		reached  ident.DN
	}{
		{ident.ClassCreate, Target{support, "Bo"}, "", support.Child("Bo"), support.Child("Bo")},
		{ident.ClassAdopt, Target{}, "", at, at},
		{ident.ClassLink, Target{}, "", at, at},
		{ident.ClassUpdate, Target{}, "", "", at},
		{ident.ClassRename, Target{"", "B,o"}, at, staff.Child("B,o"), staff.Child("B,o")},
		{ident.ClassMove, Target{support, ""}, at, support.Child("Ada"), support.Child("Ada")},
		{ident.ClassDisable, Target{leavers, "Bo"}, at, leavers.Child("Bo"), leavers.Child("Bo")},
	} {
		from, to := c.to.Ends(c.class, at)
		if reached := c.to.Reach(c.class, at); from != c.from || to != c.at || reached != c.reached {
			t.Errorf("%s: from %q to %q, reaches %q", strconv.Itoa(i)+" "+string(c.class), from, to, reached)
		}
	}
}
