package dctest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Every function of this file acts as the domain's administrator, like people
// who work in the directory beside the agent, and fails the test on an error.

// Add creates an object and returns its GUID.
func (d *DC) Add(t testing.TB, dn ident.DN, attributes map[string][]string) ident.GUID {
	t.Helper()
	request := ldap.NewAddRequest(string(dn), nil)
	for name, values := range attributes {
		request.Attribute(name, values)
	}
	d.do(t, "add", dn, func(c *ldap.Conn) error { return c.Add(request) })
	return d.Get(t, dn, "objectGUID").GUID
}

// AddUser creates an enabled account with a password; attributes are added to
// or replace those that every account has.
func (d *DC) AddUser(t testing.TB, parent ident.DN, cn, sam string, attributes map[string][]string) ident.GUID {
	t.Helper()
	all := map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {sam}, "userAccountControl": {"512"},
		"unicodePwd": {Password(d.UserPassword)},
	}
	for name, values := range attributes {
		all[name] = values
	}
	return d.Add(t, parent.Child(cn), all)
}

// AddGroup creates a global security group with members.
func (d *DC) AddGroup(t testing.TB, parent ident.DN, cn string, members ...ident.DN) ident.DN {
	t.Helper()
	attributes := map[string][]string{"objectClass": {"group"}, "sAMAccountName": {cn}}
	for _, m := range members {
		attributes["member"] = append(attributes["member"], string(m))
	}
	d.Add(t, parent.Child(cn), attributes)
	return parent.Child(cn)
}

// Replace sets an attribute; without values it is cleared.
func (d *DC) Replace(t testing.TB, dn ident.DN, attribute string, values ...string) {
	t.Helper()
	request := ldap.NewModifyRequest(string(dn), nil)
	request.Replace(attribute, values)
	d.do(t, "modify", dn, func(c *ldap.Conn) error { return c.Modify(request) })
}

// AddMember makes member a direct member of group.
func (d *DC) AddMember(t testing.TB, group, member ident.DN) {
	t.Helper()
	request := ldap.NewModifyRequest(string(group), nil)
	request.Add("member", []string{string(member)})
	d.do(t, "modify", group, func(c *ldap.Conn) error { return c.Modify(request) })
}

// Move gives the object another RDN, another parent, or both.
func (d *DC) Move(t testing.TB, dn ident.DN, rdn string, parent ident.DN) {
	t.Helper()
	request := ldap.NewModifyDNRequest(string(dn), rdn, true, string(parent))
	d.do(t, "rename", dn, func(c *ldap.Conn) error { return c.ModifyDN(request) })
}

// Delete deletes one object; it becomes a tombstone.
func (d *DC) Delete(t testing.TB, dn ident.DN) {
	t.Helper()
	d.do(t, "delete", dn, func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(string(dn), nil)) })
}

// DeleteTree deletes an object and all that is below it.
func (d *DC) DeleteTree(t testing.TB, dn ident.DN) {
	t.Helper()
	request := ldap.NewDelRequest(string(dn), []ldap.Control{ldap.NewControlSubtreeDelete()})
	d.do(t, "delete", dn, func(c *ldap.Conn) error { return c.Del(request) })
}

// Get reads one object by DN or in the form <GUID=...>; objectGUID is always read.
func (d *DC) Get(t testing.TB, dn ident.DN, attributes ...string) ident.Entry {
	t.Helper()
	found := d.search(t, dn, ldap.ScopeBaseObject, "(objectClass=*)", attributes)
	if len(found) != 1 {
		t.Fatalf("get %s as administrator: %d objects", dn, len(found))
	}
	return found[0]
}

// Find lists the objects of the domain that match an LDAP filter.
func (d *DC) Find(t testing.TB, filter string, attributes ...string) []ident.Entry {
	t.Helper()
	return d.search(t, d.BaseDN, ldap.ScopeWholeSubtree, filter, attributes)
}

func (d *DC) search(t testing.TB, base ident.DN, scope int, filter string, attributes []string) []ident.Entry {
	t.Helper()
	if len(attributes) == 0 {
		attributes = []string{"*"}
	}
	request := ldap.NewSearchRequest(string(base), scope, ldap.NeverDerefAliases, 0, 0, false, filter, append(attributes, "objectGUID"), nil)
	var entries []ident.Entry
	d.do(t, "search", base, func(c *ldap.Conn) error {
		result, err := c.SearchWithPaging(request, 500)
		if err != nil {
			return err
		}
		for _, e := range result.Entries {
			entry := ident.Entry{DN: ident.DN(e.DN), Attributes: ident.Attributes{}}
			for _, a := range e.Attributes {
				entry.Attributes[text.Lower(a.Name)] = a.Values
			}
			if entry.GUID, err = ident.GUIDFromBytes(e.GetRawAttributeValue("objectGUID")); err != nil {
				return err
			}
			entries = append(entries, entry)
		}
		return nil
	})
	return entries
}

// CanBind reports whether the directory accepts the password of an account.
func (d *DC) CanBind(t testing.TB, dn, password string) error {
	t.Helper()
	c, err := d.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.Bind(dn, password)
}

func (d *DC) do(t testing.TB, operation string, dn ident.DN, f func(*ldap.Conn) error) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admin == nil || d.admin.IsClosing() {
		c, err := d.dial()
		if err == nil {
			err = c.Bind(string(d.AdminDN), d.AdminPassword)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.admin = c
	}
	if err := f(d.admin); err != nil {
		t.Fatalf("%s %s as administrator: %v", operation, dn, err)
	}
}

func (d *DC) dial() (*ldap.Conn, error) {
	pem, err := os.ReadFile(d.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := ldap.DialURL(d.URL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, fmt.Errorf("dial %s as administrator: %w", d.URL, err)
	}
	return c, nil
}

// Password returns a password in the form that unicodePwd takes (MS-ADTS
// section 3.1.1.3.1.5.1): in quotes, UTF-16LE.
func Password(plain string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(`"` + plain + `"`)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}
