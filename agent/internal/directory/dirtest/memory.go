package dirtest

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/memory"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

var _ Directory = (*memory.Client)(nil)

const (
	baseDN       = ident.DN("DC=ad,DC=test")
	userPassword = "Loopback-User-1"
)

// InMemory makes a domain of its own for t.
func InMemory(t testing.TB) *Domain {
	t.Helper()
	d, err := memory.New(baseDN, nil)
	if err != nil {
		t.Fatal(err)
	}
	accounts := map[Account]memory.Account{
		AsAdministrator: {DN: "CN=Administrator,CN=Users," + baseDN, Administrator: true},
		AsAgent: {
			DN: "CN=rollcall,CN=Users," + baseDN, Replicates: true, SeesDeleted: true,
			Users: []ident.DN{"OU=Staff," + baseDN, "OU=Leavers," + baseDN}, Members: []ident.DN{"OU=Groups," + baseDN},
		},
		AsPlainUser: {DN: "CN=Hana Made,OU=Staff," + baseDN},
	}
	connect := func(t testing.TB, as Account) Directory {
		t.Helper()
		c, err := d.Connect(accounts[as], "dc1")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, err := d.Connect(accounts[AsAdministrator], "dc1")
	if err != nil {
		t.Fatal(err)
	}
	domain := &Domain{
		Administrator: &hands{d, c}, BaseDN: baseDN, BindDN: "rollcall@ad.test", AdminDN: accounts[AsAdministrator].DN,
		UserPassword: userPassword, connect: connect,
	}
	seed(t, domain)
	return domain
}

// seed creates the objects of scripts/dc-seed.ldif.
func seed(t testing.TB, d *Domain) {
	t.Helper()
	for _, name := range []string{"Staff", "Leavers", "Groups", "Elsewhere"} {
		d.Add(t, d.OU(name), map[string][]string{"objectClass": {"organizationalUnit"}})
	}
	d.AddUser(t, "CN=Users,"+baseDN, "rollcall", "rollcall", map[string][]string{
		"userPrincipalName": {"rollcall@ad.test"}, "userAccountControl": {"66048"}, "unicodePwd": {dctest.Password("Loopback-Agent-1")},
	})
	d.AddGroup(t, d.OU("Groups"), "CRM")
	for _, p := range []struct{ first, last, ou, uac, adminCount string }{
		{"Hana", "Made", "Staff", "512", ""},
		{"Dora", "Disabled", "Staff", "514", ""},
		{"Petra", "Protected", "Staff", "512", "1"},
		{"Alan", "Admin", "Staff", "512", ""},
		{"Olga", "Outside", "Elsewhere", "512", ""},
	} {
		sam := text.Lower(p.first[:1] + p.last)
		attributes := map[string][]string{
			"givenName": {p.first}, "sn": {p.last}, "displayName": {p.first + " " + p.last}, "userAccountControl": {p.uac},
			"userPrincipalName": {sam + "@ad.test"}, "mail": {text.Lower(p.first+"."+p.last) + "@example.com"},
		}
		if p.adminCount != "" {
			attributes["adminCount"] = []string{p.adminCount}
		}
		d.AddUser(t, d.OU(p.ou), p.first+" "+p.last, sam, attributes)
	}
	d.AddMember(t, "CN=Domain Admins,CN=Users,"+baseDN, d.OU("Staff").Child("Alan Admin"))
}

// hands acts as the administrator in memory, independently of the contexts of
// the tests.
type hands struct {
	domain *memory.Domain
	client *memory.Client
}

var _ Administrator = (*hands)(nil)

func must(t testing.TB, what string, dn ident.DN, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s %s as administrator: %v", what, dn, err)
	}
}

func (h *hands) Add(t testing.TB, dn ident.DN, attributes map[string][]string) ident.GUID {
	t.Helper()
	must(t, "add", dn, h.client.Add(context.Background(), dn, attributes))
	return h.Get(t, dn, "cn").GUID
}

func (h *hands) AddUser(t testing.TB, parent ident.DN, cn, sam string, attributes map[string][]string) ident.GUID {
	t.Helper()
	all := map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {sam}, "userAccountControl": {"512"}, "unicodePwd": {dctest.Password(userPassword)},
	}
	for name, values := range attributes {
		all[name] = values
	}
	return h.Add(t, parent.Child(cn), all)
}

func (h *hands) AddGroup(t testing.TB, parent ident.DN, cn string, members ...ident.DN) ident.DN {
	t.Helper()
	attributes := map[string][]string{"objectClass": {"group"}, "sAMAccountName": {cn}}
	for _, m := range members {
		attributes["member"] = append(attributes["member"], string(m))
	}
	h.Add(t, parent.Child(cn), attributes)
	return parent.Child(cn)
}

func (h *hands) modify(t testing.TB, dn ident.DN, kind conn.ModKind, attribute string, values []string) {
	t.Helper()
	mod := conn.Mod{Kind: kind, Attribute: attribute, Values: values}
	must(t, "modify", dn, h.client.Modify(context.Background(), conn.ByDN(dn), []conn.Mod{mod}, false))
}

func (h *hands) Replace(t testing.TB, dn ident.DN, attribute string, values ...string) {
	t.Helper()
	h.modify(t, dn, conn.ReplaceValues, attribute, values)
}

func (h *hands) AddMember(t testing.TB, group, member ident.DN) {
	t.Helper()
	h.modify(t, group, conn.AddValues, "member", []string{string(member)})
}

func (h *hands) Move(t testing.TB, dn ident.DN, rdn string, parent ident.DN) {
	t.Helper()
	must(t, "rename", dn, h.client.ModifyDN(context.Background(), dn, rdn, parent))
}

func (h *hands) Delete(t testing.TB, dn ident.DN) {
	t.Helper()
	must(t, "delete", dn, h.client.Delete(context.Background(), dn))
}

func (h *hands) DeleteTree(t testing.TB, dn ident.DN) {
	t.Helper()
	must(t, "delete", dn, h.client.DeleteTree(context.Background(), dn))
}

func (h *hands) Get(t testing.TB, dn ident.DN, attributes ...string) ident.Entry {
	t.Helper()
	target := conn.ByDN(dn)
	e, err := h.client.Get(context.Background(), target, attributes)
	must(t, "get", dn, err)
	return raw(t, e)
}

func (h *hands) Find(t testing.TB, filter string, attributes ...string) []ident.Entry {
	t.Helper()
	var found []ident.Entry
	err := h.client.Search(context.Background(), conn.Query{Base: baseDN, Filter: filter, Attributes: attributes}, func(e ident.Entry) error {
		found = append(found, raw(t, e))
		return nil
	})
	must(t, "search", baseDN, err)
	return found
}

func (h *hands) CanBind(_ testing.TB, dn, password string) error { return h.domain.Bind(dn, password) }

// raw gives SIDs and GUIDs as bytes, as package dctest does.
func raw(t testing.TB, e ident.Entry) ident.Entry {
	t.Helper()
	if b, err := e.GUID.Bytes(); err == nil {
		e.Attributes.Set("objectGUID", string(b))
	}
	if sid := e.Attributes.First("objectSid"); sid != "" {
		parts := strings.Split(sid, "-")
		b := []byte{1, byte(len(parts) - 3), 0, 0, 0, 0, 0, 5}
		for _, p := range parts[3:] {
			n, err := strconv.ParseUint(p, 10, 32)
			must(t, "read SID", e.DN, err)
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		e.Attributes.Set("objectSid", string(b))
	}
	return e
}
