package operation

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	staff   ident.DN = "OU=Staff,DC=x"
	support ident.DN = "OU=Support,DC=x"
	leavers ident.DN = "OU=Leavers,DC=x"
	crm     ident.DN = "CN=CRM,OU=Groups,DC=x"
)

func TestRemember(t *testing.T) {
	since := noon.AddDate(0, 0, -3)
	d := func(v ...string) string { return Digest(v) }
	for _, c := range []struct {
		name   string
		before ident.Link
		op     ident.Operation
		want   ident.Link
	}{
		{
			"create",
			ident.Link{Key: "11"},
			ident.Operation{
				Class: ident.ClassCreate, To: staff.Child("Ada"),
				Attributes: []ident.AttributeChange{{Name: "givenName", New: []string{"Ada"}}},
			},
			ident.Link{
				Key: "11", Origin: ident.OriginCreated, Placed: staff, Delivered: true,
				Applied: map[string]string{"cn": d("Ada"), "givenname": d("Ada")},
			},
		},
		{
			"adopt",
			ident.Link{Key: "11"},
			ident.Operation{Class: ident.ClassAdopt, To: staff.Child("Ada")},
			ident.Link{Key: "11", Origin: ident.OriginAdopted, Delivered: true},
		},
		{
			"link",
			ident.Link{Key: "11"},
			ident.Operation{Class: ident.ClassLink, To: staff.Child("Ada")},
			ident.Link{Key: "11", Origin: ident.OriginRestored, Delivered: true},
		},
		{
			"update keeps what it does not write",
			ident.Link{Placed: staff, Applied: map[string]string{"sn": "s", "title": "t"}},
			ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", Old: []string{"a"}, New: []string{"b"}}}},
			ident.Link{Placed: staff, Applied: map[string]string{"sn": "s", "title": d("b")}},
		},
		{
			"update that adds",
			ident.Link{},
			ident.Operation{
				Class:      ident.ClassUpdate,
				Attributes: []ident.AttributeChange{{Name: "other", Old: []string{"a"}, New: []string{"b"}, Add: true}},
			},
			ident.Link{Applied: map[string]string{"other": d("a", "b")}},
		},
		{
			"update that clears",
			ident.Link{},
			ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", Old: []string{"a"}}}},
			ident.Link{Applied: map[string]string{"title": d()}},
		},
		{
			"rename",
			ident.Link{Placed: support},
			ident.Operation{Class: ident.ClassRename, To: staff.Child("Bo"), Attributes: []ident.AttributeChange{{Name: "cn", New: []string{"Bo"}}}},
			ident.Link{Placed: support, Applied: map[string]string{"cn": d("Bo")}},
		},
		{"move", ident.Link{Placed: staff}, ident.Operation{Class: ident.ClassMove, To: support.Child("Ada")}, ident.Link{Placed: support}},
		{
			"disable and move",
			ident.Link{Placed: staff},
			ident.Operation{Class: ident.ClassDisable, To: leavers.Child("Ada")},
			ident.Link{Placed: leavers, MissingSince: &noon},
		},
		{
			"disable and move away: where it was is remembered",
			ident.Link{Placed: staff},
			ident.Operation{
				Class: ident.ClassDisable, From: support.Child("Ada"), To: leavers.Child("Ada 2"),
				Attributes: []ident.AttributeChange{{Name: "cn", New: []string{"Ada 2"}}},
			},
			ident.Link{Placed: leavers, Left: support, LeftOU: staff, MissingSince: &noon, Applied: map[string]string{"cn": d("Ada 2")}},
		},
		{
			"moved away after it was disabled",
			ident.Link{Placed: staff, MissingSince: &since},
			ident.Operation{Class: ident.ClassMove, From: staff.Child("Ada"), To: leavers.Child("Ada")},
			ident.Link{Placed: leavers, Left: staff, LeftOU: staff, MissingSince: &since},
		},
		{
			"moved away again",
			ident.Link{Placed: leavers, Left: staff, LeftOU: staff, MissingSince: &since},
			ident.Operation{Class: ident.ClassDisable, From: support.Child("Ada"), To: leavers.Child("Ada")},
			ident.Link{Placed: leavers, Left: support, LeftOU: staff, MissingSince: &since},
		},
		{
			"back where it was",
			ident.Link{Placed: leavers, Left: support, LeftOU: staff, MissingSince: &since},
			ident.Operation{Class: ident.ClassEnable, From: leavers.Child("Ada"), To: support.Child("Ada")},
			ident.Link{Placed: staff},
		},
		{
			"back somewhere else",
			ident.Link{Placed: leavers, Left: support, LeftOU: staff},
			ident.Operation{Class: ident.ClassMove, From: leavers.Child("Ada"), To: ident.DN("OU=Groups,DC=x").Child("Ada")},
			ident.Link{Placed: "OU=Groups,DC=x"},
		},
		{
			"disable where it is",
			ident.Link{Placed: staff},
			ident.Operation{Class: ident.ClassDisable},
			ident.Link{Placed: staff, MissingSince: &noon},
		},
		{"disable again", ident.Link{MissingSince: &since}, ident.Operation{Class: ident.ClassDisable}, ident.Link{MissingSince: &since}},
		{
			"enable and move back",
			ident.Link{Placed: leavers, MissingSince: &since},
			ident.Operation{Class: ident.ClassEnable, To: staff.Child("Ada")},
			ident.Link{Placed: staff},
		},
		{
			"enable where it is",
			ident.Link{Placed: staff, MissingSince: &since},
			ident.Operation{Class: ident.ClassEnable},
			ident.Link{Placed: staff},
		},
		{
			"leave groups, of which one is to be remembered",
			ident.Link{Placed: leavers, MissingSince: &since, Stripped: []ident.GUID{"g-old", "g-crm"}},
			ident.Operation{Class: ident.ClassGroups, Left: []ident.DN{"CN=Other,DC=x", crm}, GroupIDs: []ident.GUID{"", "g-crm"}},
			ident.Link{Placed: leavers, MissingSince: &since, Stripped: []ident.GUID{"g-old", "g-crm"}},
		},
		{
			"back in a group",
			ident.Link{Placed: staff, Stripped: []ident.GUID{"g-old", "g-crm"}},
			ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{crm}, GroupIDs: []ident.GUID{"g-crm"}},
			ident.Link{Placed: staff, Stripped: []ident.GUID{"g-old"}},
		},
		{
			"make it disabled",
			ident.Link{},
			ident.Operation{Class: ident.ClassCreate, To: staff.Child("Ada"), Off: ident.OffNotYet},
			ident.Link{
				Origin: ident.OriginCreated, Placed: staff, MissingSince: &noon, Off: ident.OffNotYet, Delivered: true,
				Applied: map[string]string{"cn": Digest([]string{"Ada"})},
			},
		},
		{
			"disable who has left",
			ident.Link{Placed: staff},
			ident.Operation{Class: ident.ClassDisable, Off: ident.OffEnded},
			ident.Link{Placed: staff, MissingSince: &noon, Off: ident.OffEnded},
		},
		{
			"move who waits: to another place of theirs",
			ident.Link{Placed: staff, MissingSince: &since, Off: ident.OffNotYet},
			ident.Operation{Class: ident.ClassMove, From: staff.Child("Ada"), To: support.Child("Ada")},
			ident.Link{Placed: support, MissingSince: &since, Off: ident.OffNotYet},
		},
		{
			"move who had left and is missing now: away",
			ident.Link{Placed: staff, MissingSince: &since, Off: ident.OffEnded},
			ident.Operation{Class: ident.ClassMove, From: staff.Child("Ada"), To: leavers.Child("Ada"), Leaves: true},
			ident.Link{Placed: leavers, Left: staff, LeftOU: staff, MissingSince: &since},
		},
		{
			"enable who begins",
			ident.Link{Placed: staff, MissingSince: &since, Off: ident.OffNotYet},
			ident.Operation{Class: ident.ClassEnable},
			ident.Link{Placed: staff},
		},
		{"groups", ident.Link{Placed: staff}, ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{crm}}, ident.Link{Placed: staff}},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := len(c.before.Applied)
			if got := Remember(c.before, c.op, noon); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if len(c.before.Applied) != known {
				t.Error("the link that was passed is changed")
			}
		})
	}
}

// Of an operation on groups that failed half-way, the link remembers the half that was
// written.
func TestOnlyGroups(t *testing.T) {
	first := func(g ident.DN) bool { return g == crm }
	for _, op := range []ident.Operation{
		{Class: ident.ClassGroups, Left: []ident.DN{"CN=Other,DC=x", crm}, GroupIDs: []ident.GUID{"g-other", "g-crm"}},
		{Class: ident.ClassGroups, Groups: []ident.DN{"CN=Other,DC=x", crm}, GroupIDs: []ident.GUID{"g-other", "g-crm"}},
		{Class: ident.ClassGroups, Groups: []ident.DN{crm, "CN=Other,DC=x"}},
	} {
		got := OnlyGroups(op, first)
		if len(got.Left)+len(got.Groups) != 1 || len(op.GroupIDs) > 0 && !slices.Equal(got.GroupIDs, []ident.GUID{"g-crm"}) {
			t.Errorf("%+v", got)
		}
	}
}
