package mirror

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestRandomChanges makes sequences of random changes, with synchronisations at
// random moments in between, and compares at the end of each.
func TestRandomChanges(t *testing.T) {
	server := dctest.Start(t)
	dc := dirtest.OnDC(server)
	seeing, blind := dc.Connect(t, dirtest.AsAgent), dc.Connect(t, dirtest.AsPlainUser)
	subjects := map[dirtest.Directory]*walker{
		seeing: newWalker(t, dc, seeing),
		blind:  newWalker(t, dc, blind),
	}
	w := &world{t: t, admin: adminConn(t, server), top: dc.OU("Random")}
	soak.Check(t, 2, 8, func(r *rapid.T) {
		w.reset()
		for range 40 {
			switch rapid.IntRange(0, 9).Draw(r, "sync") {
			case 0:
				subjects[seeing].step(t, dc, r)
			case 1:
				subjects[blind].step(t, dc, r)
			}
			w.change(r)
		}
		for reader, s := range subjects {
			s.step(t, dc, r)
			s.wantSame(t, dc, reader)
		}
	})
	t.Logf("%d changes made, %d were impossible", w.made, w.refused)
	if w.made < soak.Size(2, 8)*15 {
		t.Error("hardly any change was possible: the test shows little")
	}
}

// world is a tree that random changes are made to.
type world struct {
	t             *testing.T
	admin         *ldap.Conn
	top           ident.DN
	made, refused int
	serial        int
}

func (w *world) reset() {
	err := w.admin.Del(ldap.NewDelRequest(string(w.top), []ldap.Control{ldap.NewControlSubtreeDelete()}))
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		w.t.Fatal(err)
	}
	w.add(w.top, "organizationalUnit")
	for i := range 3 {
		unit := ident.DN(fmt.Sprintf("OU=%c,%s", 'a'+i, w.top))
		w.add(unit, "organizationalUnit")
		for j := range 2 {
			w.add(unit.Child(string(rune('a'+j))), "user")
		}
	}
	w.add(w.top.Child("g"), "group")
}

func (w *world) add(dn ident.DN, class string) {
	w.serial++
	r := ldap.NewAddRequest(string(dn), nil)
	r.Attribute("objectClass", []string{class})
	if class == "user" || class == "group" {
		r.Attribute("sAMAccountName", []string{fmt.Sprintf("%s%d-%d", class, w.serial, time.Now().UnixMilli()%1000)})
	}
	w.did(w.admin.Add(r))
}

// did counts; a change that the directory refuses is as good as none.
func (w *world) did(err error) {
	if err == nil {
		w.made++
		return
	}
	if ldap.IsErrorWithCode(err, ldap.ErrorNetwork) {
		w.t.Fatal(err)
	}
	w.refused++
}

// objects lists what is there, units first and last the group.
func (w *world) objects(filter string) []ident.DN {
	result, err := w.admin.Search(ldap.NewSearchRequest(string(w.top), ldap.ScopeWholeSubtree, 0, 0, 0, false, filter, []string{"1.1"}, nil))
	if err != nil {
		w.t.Fatal(err)
	}
	var dns []ident.DN
	for _, e := range result.Entries {
		if dn := ident.DN(e.DN); !dn.EqualFold(w.top) {
			dns = append(dns, dn)
		}
	}
	return dns
}

// change draws from few names, so that objects take each other's places.
func (w *world) change(r *rapid.T) {
	units, people := w.objects("(objectClass=organizationalUnit)"), w.objects("(objectClass=user)")
	groups := w.objects("(objectClass=group)")
	pick := func(of []ident.DN, label string) ident.DN {
		if len(of) == 0 {
			return w.top.Child("nobody")
		}
		return rapid.SampledFrom(of).Draw(r, label)
	}
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "name")
	unit, person := pick(append(units, w.top), "unit"), pick(people, "person")
	switch rapid.SampledFrom([]string{
		"user", "unit", "modify", "clear", "manager", "member", "unmember",
		"rename", "move", "rename unit", "move unit", "delete", "replace", "delete unit",
	}).Draw(r, "change") {
	case "user":
		w.add(unit.Child(name), "user")
	case "unit":
		w.add(ident.DN("OU="+name+","+string(unit)), "organizationalUnit")
	case "modify":
		w.modify(person, "title", fmt.Sprint(w.made))
	case "clear":
		w.modify(person, "title")
	case "manager":
		w.modify(person, "manager", string(pick(people, "manager")))
	case "member":
		w.modify(pick(groups, "group"), "member", string(person), string(pick(people, "member")))
	case "unmember":
		w.modify(pick(groups, "group"), "member")
	case "rename":
		w.move(person, "CN="+name, "")
	case "move":
		w.move(person, person.RDN(), unit)
	case "rename unit":
		w.move(pick(units, "which"), "OU="+name, "")
	case "move unit":
		which := pick(units, "which")
		w.move(which, which.RDN(), unit)
	case "delete":
		w.did(w.admin.Del(ldap.NewDelRequest(string(person), nil)))
	case "replace":
		w.did(w.admin.Del(ldap.NewDelRequest(string(person), nil)))
		w.add(person, "user")
	case "delete unit":
		if len(units) > 2 {
			w.did(w.admin.Del(ldap.NewDelRequest(string(pick(units, "which")), []ldap.Control{ldap.NewControlSubtreeDelete()})))
		}
	}
}

func (w *world) modify(dn ident.DN, attribute string, values ...string) {
	r := ldap.NewModifyRequest(string(dn), nil)
	r.Replace(attribute, values)
	w.did(w.admin.Modify(r))
}

func (w *world) move(dn ident.DN, rdn string, parent ident.DN) {
	w.did(w.admin.ModifyDN(ldap.NewModifyDNRequest(string(dn), rdn, true, string(parent))))
}
