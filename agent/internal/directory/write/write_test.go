package write_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

const anchorAttribute = "employeeNumber"

// scene is a writer that binds as the agent's account, and the names it needs.
type scene struct {
	*write.Writer
	t                       *testing.T
	dc                      *dirtest.Domain
	client                  dirtest.Directory
	staff, leavers, outside ident.DN
	log                     *bytes.Buffer
}

func rules(dc *dirtest.Domain) write.Rules {
	return write.Rules{
		Scope:  []ident.DN{dc.OU("Staff"), dc.OU("Leavers"), dc.OU("Groups")},
		Anchor: anchorAttribute, BindDN: dc.BindDN,
	}
}

// set makes a scene. As administrator nothing but the writer itself stands
// between it and the invariants; as the agent the directory refuses too.
func set(t *testing.T, dc *dirtest.Domain, admin bool, change func(*write.Rules)) scene {
	t.Helper()
	r := rules(dc)
	if change != nil {
		change(&r)
	}
	as := dirtest.AsAgent
	if admin {
		as = dirtest.AsAdministrator
	}
	s := scene{
		t: t, dc: dc, client: dc.Connect(t, as), log: &bytes.Buffer{},
		staff: dc.OU("Staff"), leavers: dc.OU("Leavers"), outside: dc.OU("Elsewhere"),
	}
	w, err := write.New(t.Context(), s.client, r, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	s.Writer = w
	return s
}

var counter atomic.Int64

// fresh returns a name that no other test uses.
func fresh() string { return fmt.Sprintf("w%04d", counter.Add(1)) }

// user makes an enabled account with an anchor of its own below parent.
func (s scene) user(parent ident.DN, attributes map[string][]string) (ident.GUID, ident.DN) {
	s.t.Helper()
	name := fresh()
	return s.dc.AddUser(s.t, parent, name, name, attributes), parent.Child(name)
}

func (s scene) get(guid ident.GUID, attributes ...string) ident.Entry {
	s.t.Helper()
	return s.dc.Get(s.t, ident.DN("<GUID="+string(guid)+">"), attributes...)
}

// account is the least that a create needs.
func account(sam string) []ident.AttributeChange {
	return []ident.AttributeChange{
		{Name: "sAMAccountName", New: []string{sam}},
		{Name: anchorAttribute, New: []string{"crm:" + sam}},
	}
}

var initial = write.Initial{Password: []byte("Never-In-A-Log-7")}

func wantKind(t *testing.T, err error, kind write.Kind) *write.Error {
	t.Helper()
	var e *write.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not a *write.Error; want %s", err, err, kind)
	}
	if e.Kind != kind {
		t.Errorf("kind %q, want %q: %v", e.Kind, kind, err)
	}
	if e.Cause == "" || e.Next == "" {
		t.Errorf("cause %q or next step %q is empty", e.Cause, e.Next)
	}
	if strings.Contains(err.Error(), string(initial.Password)) {
		t.Errorf("the password is in %q", err)
	}
	return e
}

func TestNewRefusesRulesThatBoundNothing(t *testing.T) {
	dirtest.InRules(t, testNewRefusesRulesThatBoundNothing)
}

func testNewRefusesRulesThatBoundNothing(t *testing.T, d *dirtest.Domain) {
	client := d.Connect(t, dirtest.AsAgent)
	for name, change := range map[string]func(*write.Rules){
		"no scope":     func(r *write.Rules) { r.Scope = nil },
		"the empty DN": func(r *write.Rules) { r.Scope = []ident.DN{d.OU("Staff"), ""} },
		"blank":        func(r *write.Rules) { r.Scope = []ident.DN{" "} },
		"not a DN":     func(r *write.Rules) { r.Scope = []ident.DN{"Staff"} },
		"no anchor":    func(r *write.Rules) { r.Anchor = "" },
	} {
		r := rules(d)
		change(&r)
		if _, err := write.New(t.Context(), client, r, slog.Default()); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := write.NewGuard(t.Context(), client, r); err == nil {
			t.Errorf("%s: accepted by the guard", name)
		}
	}
}

func TestCreate(t *testing.T) { dirtest.OnBoth(t, testCreate) }

func testCreate(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	_, managerDN := s.user(s.staff, nil)
	for _, mustChange := range []bool{false, true} {
		sam := fresh()
		password, err := write.GeneratePassword(24)
		if err != nil {
			t.Fatal(err)
		}
		dn := s.staff.Child("Žofie " + sam)
		e, err := s.Create(t.Context(), dn, append(account(sam),
			ident.AttributeChange{Name: "userPrincipalName", New: []string{sam + "@ad.test"}},
			ident.AttributeChange{Name: "displayName", New: []string{"Žofie Nováková"}},
			ident.AttributeChange{Name: "manager", New: []string{string(managerDN)}},
			ident.AttributeChange{Name: "proxyAddresses", New: []string{"SMTP:a" + sam + "@example.com", "smtp:b" + sam + "@example.com"}},
			ident.AttributeChange{Name: "title"},
		), write.Initial{Password: password, MustChange: mustChange})
		if err != nil {
			t.Fatal(err)
		}
		got := s.get(e.GUID, "*")
		if got.DN != dn || e.DN != dn || got.Attributes.First("userAccountControl") != "512" ||
			got.Attributes.First(anchorAttribute) != "crm:"+sam || got.Attributes.First("displayName") != "Žofie Nováková" ||
			len(got.Attributes.Values("proxyAddresses")) != 2 || !ident.DN(got.Attributes.First("manager")).EqualFold(managerDN) {
			t.Errorf("created %+v", got)
		}
		if zero := got.Attributes.First("pwdLastSet") == "0"; zero != mustChange {
			t.Errorf("must change %v: pwdLastSet is %s", mustChange, got.Attributes.First("pwdLastSet"))
		}
		err = s.dc.CanBind(t, sam+"@ad.test", string(password))
		if mustChange != (err != nil) || mustChange && !strings.Contains(err.Error(), "data 773") {
			t.Errorf("must change %v: bind with the password: %v", mustChange, err)
		}
		if strings.Contains(s.log.String(), string(password)) {
			t.Error("the password is in the log")
		}
		if found, err := s.FindAnchor(t.Context(), "crm:"+sam); err != nil || len(found) != 1 || found[0].GUID != e.GUID {
			t.Errorf("find by the anchor: %v, %v", found, err)
		}
		if back, err := s.ReadBack(t.Context(), e.GUID, nil); err != nil || back.Attributes.First("sAMAccountName") != sam {
			t.Errorf("read back: %v, %v", back, err)
		}
	}
}

// hostile names are made to be read as something else.
var hostile = []string{
	"Comma, Ltd", "Plus+More", `Back\slash`, `"Quoted"`, "<Angle>", "Semi;colon", "#hash", "Equals=Sign", "Slash/es",
	"*)(cn=*", "a*b(c)d", "x,OU=Elsewhere,DC=ad,DC=test", `x\,OU=Elsewhere`, "Öçüş Ñ 李", "'; DROP TABLE", "%s%n", "=cmd()", "in\u200bvisible",
}

func TestHostileNamesStayNames(t *testing.T) { dirtest.OnBoth(t, testHostileNamesStayNames) }

func testHostileNamesStayNames(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	for _, name := range hostile {
		sam := fresh()
		e, err := s.Create(t.Context(), s.staff.Child(name), append(account(sam), ident.AttributeChange{Name: "displayName", New: []string{name}}), initial)
		if err != nil {
			t.Errorf("create %q: %v", name, err)
			continue
		}
		got := s.get(e.GUID, "cn", "displayName")
		if got.Attributes.First("cn") != name || got.Attributes.First("displayName") != name || !got.DN.Parent().EqualFold(s.staff) {
			t.Errorf("%q became cn %q, displayName %q in %s", name, got.Attributes.First("cn"), got.Attributes.First("displayName"), got.DN.Parent())
		}
		plain := s.staff.Child("Plain " + sam)
		if err := s.Rename(t.Context(), e.GUID, got.DN, plain); err != nil {
			t.Errorf("rename away from %q: %v", name, err)
		}
		if err := s.Rename(t.Context(), e.GUID, plain, s.staff.Child(name)); err != nil {
			t.Errorf("rename to %q: %v", name, err)
		}
		if err := s.Move(t.Context(), e.GUID, s.staff.Child(name), s.leavers.Child(name)); err != nil {
			t.Errorf("move %q: %v", name, err)
		}
		if got := s.get(e.GUID, "cn"); got.Attributes.First("cn") != name || !got.DN.Parent().EqualFold(s.leavers) {
			t.Errorf("%q became %q in %s", name, got.Attributes.First("cn"), got.DN.Parent())
		}
		if err := s.AddToGroups(t.Context(), e.GUID, []ident.DN{"CN=CRM," + s.dc.OU("Groups")}); err != nil {
			t.Errorf("add %q to a group: %v", name, err)
		}
		if found, err := s.FindAnchor(t.Context(), name); err != nil || len(found) != 0 {
			t.Errorf("find the anchor %q: %v, %v", name, found, err)
		}
	}
}

// TestCreateRefusals: each is refused by the writer, not by the directory,
// which is asked by an administrator here.
func TestCreateRefusals(t *testing.T) { dirtest.OnBoth(t, testCreateRefusals) }

func testCreateRefusals(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	_, takenDN := s.user(s.staff, map[string][]string{"userPrincipalName": {"taken@ad.test"}, anchorAttribute: {"crm:taken"}})
	s.dc.AddGroup(t, s.outside, "holdsname")
	with := func(name string, values ...string) func([]ident.AttributeChange) []ident.AttributeChange {
		return func(a []ident.AttributeChange) []ident.AttributeChange {
			a = slices.DeleteFunc(a, func(c ident.AttributeChange) bool { return strings.EqualFold(c.Name, name) })
			return append(a, ident.AttributeChange{Name: name, New: values})
		}
	}
	tests := []struct {
		name      string
		dn        ident.DN // "": a fresh name in Staff
		change    func([]ident.AttributeChange) []ident.AttributeChange
		password  string
		kind      write.Kind
		attribute string
		words     string
		left      string // the attribute that the account is made without
	}{
		{name: "parent out of scope", dn: s.outside.Child("x"), kind: write.OutOfScope},
		{name: "domain head", dn: s.dc.BaseDN.Child("x"), kind: write.OutOfScope},
		{name: "a sibling that begins like the scope", dn: "CN=x,OU=Staff2,DC=ad,DC=test", kind: write.OutOfScope},
		{name: "no DN", dn: "x", kind: write.Invalid},
		{name: "two-valued RDN", dn: "CN=x+OU=y," + s.staff, kind: write.Invalid},
		{name: "an OU", dn: "OU=x," + s.staff, kind: write.Invalid},
		{name: "semicolon as separator", dn: "CN=x;OU=Elsewhere," + s.staff, kind: write.Invalid},
		{name: "parent missing", dn: "CN=x,OU=Missing," + s.staff, kind: write.NoParent, words: "OU=Missing"},
		{name: "name taken", dn: takenDN, kind: write.NameTaken},
		{name: "empty name", dn: "CN=," + s.staff, kind: write.Invalid},
		{name: "long name", dn: s.staff.Child(strings.Repeat("ü", 65)), kind: write.Invalid, attribute: "cn", words: "64"},
		{name: "long name, counted in UTF-16", dn: s.staff.Child(strings.Repeat("𝕏", 33)), kind: write.Invalid, attribute: "cn", words: "64"},
		{name: "NUL in the name", dn: s.staff.Child("a\x00b"), kind: write.Invalid, attribute: "cn"},
		{name: "line break in the name", dn: s.staff.Child("a\nDEL:b"), kind: write.Invalid, attribute: "cn"},
		{name: "space before the name", dn: s.staff.Child(" a"), kind: write.Invalid, attribute: "cn"},
		{name: "space after the name", dn: s.staff.Child("a "), kind: write.Invalid, attribute: "cn"},
		{name: "no anchor", change: with(anchorAttribute), kind: write.Invalid, attribute: anchorAttribute},
		{name: "name taken by the same person", dn: takenDN, change: with(anchorAttribute, "crm:taken"), kind: write.ValueTaken, attribute: anchorAttribute, words: string(takenDN)},
		{name: "no sAMAccountName", change: with("sAMAccountName"), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "long sAMAccountName", change: with("sAMAccountName", strings.Repeat("x", 21)), kind: write.Invalid, attribute: "sAMAccountName", words: "20"},
		{name: "slash in sAMAccountName", change: with("sAMAccountName", "a/b"), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "at in sAMAccountName", change: with("sAMAccountName", "a@b"), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "dot at the end of sAMAccountName", change: with("sAMAccountName", "a."), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "control character in sAMAccountName", change: with("sAMAccountName", "a\tb"), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "two sAMAccountNames", change: with("sAMAccountName", "a", "b"), kind: write.Invalid, attribute: "sAMAccountName"},
		{name: "sAMAccountName taken", change: with("sAMAccountName", "hmade"), kind: write.ValueTaken, attribute: "sAMAccountName", words: "CN=Hana Made"},
		{name: "sAMAccountName taken by a group", change: with("sAMAccountName", "HoldsName"), kind: write.ValueTaken, attribute: "sAMAccountName", words: "CN=holdsname"},
		{name: "UPN taken", change: with("userPrincipalName", "taken@ad.test"), kind: write.ValueTaken, attribute: "userPrincipalName", words: string(takenDN), left: "userPrincipalName"},
		{name: "empty value", change: with("title", ""), kind: write.Invalid, attribute: "title"},
		{name: "NUL in a value", change: with("title", "a\x00b"), kind: write.Invalid, attribute: "title"},
		{name: "value too long", change: with("initials", "toolong"), kind: write.Invalid, left: "initials"},
		{name: "two values", change: with("title", "a", "b"), kind: write.Invalid, left: "title"},
		{name: "unknown attribute", change: with("shoeSize", "44"), kind: write.Invalid, left: "shoeSize"},
		{name: "attribute with an option", change: with("title;binary", "x"), kind: write.Invalid},
		{name: "given twice", change: func(a []ident.AttributeChange) []ident.AttributeChange {
			return append(a, ident.AttributeChange{Name: "EMPLOYEENUMBER", New: []string{"crm:other"}})
		}, kind: write.Invalid},
		{name: "own flags", change: with("userAccountControl", "66048"), kind: write.Invalid, attribute: "userAccountControl"},
		{name: "own password", change: with("unicodePwd", "x"), kind: write.Invalid, attribute: "unicodePwd"},
		{name: "rights by primaryGroupID", change: with("primaryGroupID", "512"), kind: write.Invalid, attribute: "primaryGroupID"},
		{name: "rights by key", change: with("msDS-KeyCredentialLink", "x"), kind: write.Invalid, attribute: "msDS-KeyCredentialLink"},
		{name: "manager missing", change: with("manager", "CN=nobody,"+string(s.staff)), kind: write.Invalid, words: "manager", left: "manager"},
		{name: "weak password", password: "abc", kind: write.Policy, words: "password policy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sam := fresh()
			before := len(s.dc.Find(t, "(objectClass=user)", "cn"))
			dn, changes, in := test.dn, account(sam), initial
			if dn == "" {
				dn = s.staff.Child(sam)
			}
			if test.change != nil {
				changes = test.change(changes)
			}
			if test.password != "" {
				in.Password = []byte(test.password)
			}
			_, err := s.Create(t.Context(), dn, changes, in)
			e := wantKind(t, err, test.kind)
			if test.attribute != "" && !strings.EqualFold(e.Attribute, test.attribute) {
				t.Errorf("attribute %q, want %q", e.Attribute, test.attribute)
			}
			if !strings.Contains(err.Error(), test.words) {
				t.Errorf("%q does not say %q", err, test.words)
			}
			made := len(s.dc.Find(t, "(objectClass=user)", "cn")) - before
			switch {
			case test.left == "" && made == 0 && e.Done == "":
			case test.left != "" && made == 1 && e.Done == ident.ClassCreate && len(e.Refused) == 1 && e.Refused[0].Attribute == test.left:
			default:
				t.Errorf("%d accounts were made, done %q, refused %+v", made, e.Done, e.Refused)
			}
		})
	}
	if _, err := s.Create(t.Context(), s.staff.Child(fresh()), account(fresh()), write.Initial{}); err == nil {
		t.Error("an account without a password was made")
	}
}

func TestDeniedByTheDirectory(t *testing.T) { dirtest.OnBoth(t, testDeniedByTheDirectory) }

func testDeniedByTheDirectory(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, func(r *write.Rules) { r.Scope = append(r.Scope, "OU=Elsewhere,DC=ad,DC=test") })
	guid, dn := s.user(s.outside, nil)
	_, err := s.Create(t.Context(), s.outside.Child(fresh()), account(fresh()), initial)
	wantKind(t, err, write.Denied)
	wantKind(t, s.Update(t.Context(), guid, []ident.AttributeChange{{Name: "title", New: []string{"x"}}}), write.Denied)
	wantKind(t, s.Disable(t.Context(), guid, "", ""), write.Denied)
	wantKind(t, s.Move(t.Context(), guid, dn, s.staff.Child(dn.Name())), write.Denied)
}
