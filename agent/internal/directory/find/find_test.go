package find_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// TestOne: every way to name an object finds it, and none finds another.
func TestOne(t *testing.T) {
	dirtest.OnBoth(t, func(t *testing.T, d *dirtest.Domain) {
		staff := d.OU("Staff")
		guid := d.AddUser(t, staff, "Ada Find", "afind", map[string][]string{
			"userPrincipalName": {"afind@ad.test"}, "mail": {"ada.find@example.com"}, "displayName": {"Ada Find (Sales)"},
			"proxyAddresses": {"SMTP:ada.find@example.com", "smtp:ada@old.example.com"}, "department": {"Sales"},
		})
		d.AddGroup(t, d.OU("Groups"), "Finders", staff.Child("Ada Find"))
		dir := d.Connect(t, dirtest.AsAgent)
		for _, name := range []string{
			"afind", "AFind", " afind ", "afind@ad.test", "ada.find@EXAMPLE.com", "ada@old.example.com", string(staff.Child("Ada Find")),
			strings.ToUpper(string(staff.Child("Ada Find"))), string(guid), "{" + strings.ToUpper(string(guid)) + "}",
		} {
			e, err := find.One(t.Context(), dir, d.BaseDN, find.User, name, "department")
			if err != nil || e.GUID != guid || e.Attributes.First("department") != "Sales" {
				t.Errorf("%q: %v %+v", name, err, e)
			}
		}
		e, err := find.One(t.Context(), dir, d.BaseDN, find.User, "afind", "*")
		if err != nil || e.Attributes.First("whenCreated") == "" {
			t.Errorf("all attributes: %v %+v", err, e)
		}
		e, err = find.One(t.Context(), dir, d.BaseDN, find.Group, "finders", "member")
		if err != nil || len(e.Attributes.Values("member")) != 1 {
			t.Errorf("group: %v %+v", err, e)
		}
	})
}

// TestWrongNames: the error says what a name stands for, or what was probably meant.
func TestWrongNames(t *testing.T) {
	dirtest.OnBoth(t, func(t *testing.T, d *dirtest.Domain) {
		staff := d.OU("Staff")
		for _, sam := range []string{"btwin", "bothertwin"} {
			d.AddUser(t, staff, "Twin "+sam, sam, map[string][]string{"mail": {"twins@example.com"}, "displayName": {"Twin"}})
		}
		d.AddUser(t, staff, "Mail Clash", "clash", map[string][]string{"mail": {"clash@example.com"}})
		d.AddUser(t, staff, "Name Clash", "nclash", map[string][]string{"userPrincipalName": {"clash@example.com"}})
		d.AddUser(t, staff, "Star *", "star", nil)
		d.AddGroup(t, d.OU("Groups"), "Findgroup")
		dir := d.Connect(t, dirtest.AsAgent)
		for _, test := range []struct {
			kind find.Kind
			name string
			want []string
		}{
			{find.User, " ", []string{"no user is named", "objectGUID"}},
			{find.User, "twins@example.com", []string{"2 users have the name", "CN=Twin btwin,", "CN=Twin bothertwin,", "btwin (Twin)"}},
			{find.User, "clash@example.com", []string{"2 users", "CN=Mail Clash,", "CN=Name Clash,"}},
			{find.User, "Findgroup", []string{`"Findgroup" is a group and not a user: CN=Findgroup,`}},
			{find.Group, "clash", []string{"is a user and not a group"}},
			{find.User, string(staff), []string{"neither a user nor a group", "not a user: OU=Staff"}},
			{find.User, "hmad", []string{`there is no user "hmad"`, `did you mean "hmade"?`}},
			{find.User, "hana mode", []string{`did you mean "hmade"?`}},
			{find.Group, "findgruop", []string{`did you mean "Findgroup"`}},
			{find.User, "zzz", []string{`there is no user "zzz" in the directory: name it by`}},
			{find.User, "*", []string{`there is no user "*"`}},
			{find.User, "hmade)(cn=*", []string{"there is no user"}},
			{find.User, "CN=Nobody," + string(staff), []string{"there is no user"}},
			{find.User, "01234567-89ab-cdef-0123-456789abcdef", []string{"there is no user"}},
		} {
			_, err := find.One(t.Context(), dir, d.BaseDN, test.kind, test.name)
			var wrong *find.NameError
			if !errors.As(err, &wrong) {
				t.Errorf("%s %q: %v", test.kind, test.name, err)
				continue
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s %q: %v, want %q", test.kind, test.name, err, want)
				}
			}
		}
	})
}

// TestList: people choose among the objects of the containers, and are told when
// there are others.
func TestList(t *testing.T) {
	dirtest.OnBoth(t, func(t *testing.T, d *dirtest.Domain) {
		d.Add(t, d.OU("Choose"), map[string][]string{"objectClass": {"organizationalUnit"}})
		for _, name := range []string{"Cleo", "Carl", "Bea"} {
			d.AddUser(t, d.OU("Choose"), name+" Chosen", "x"+name, map[string][]string{"displayName": {name + " Chosen"}, "givenName": {name}})
		}
		d.AddGroup(t, d.OU("Choose"), "Cgroup")
		dir := d.Connect(t, dirtest.AsAgent)
		for _, test := range []struct {
			wanted find.Wanted
			want   string
			more   bool
		}{
			{find.Wanted{Kind: find.User, Most: 9}, "xBea (Bea Chosen), xCarl (Carl Chosen), xCleo (Cleo Chosen)", false},
			{find.Wanted{Kind: find.User, Begin: "c", Most: 9}, "xCarl (Carl Chosen), xCleo (Cleo Chosen)", false},
			{find.Wanted{Kind: find.User, Begin: "c", Most: 2}, "xCarl (Carl Chosen), xCleo (Cleo Chosen)", false},
			{find.Wanted{Kind: find.User, Begin: "nobody", Most: 9}, "", false},
			{find.Wanted{Kind: find.Group, Most: 9}, "Cgroup", false},
		} {
			test.wanted.Bases = append(test.wanted.Bases, d.OU("Choose"), d.OU("Choose"), d.OU("Not there"))
			list, more, err := find.List(t.Context(), dir, test.wanted)
			var labels []string
			for _, e := range list {
				labels = append(labels, find.Label(e))
			}
			if have := strings.Join(labels, ", "); err != nil || more != test.more || have != test.want {
				t.Errorf("%+v: %s more %v %v, want %s", test.wanted, have, more, err, test.want)
			}
		}
		list, more, err := find.List(t.Context(), dir, find.Wanted{Bases: []ident.DN{d.OU("Choose")}, Kind: find.User, Most: 2})
		if err != nil || !more || len(list) != 2 {
			t.Errorf("%d of more: %v %v", len(list), more, err)
		}
	})
}
