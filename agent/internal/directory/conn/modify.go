package conn

import (
	"context"
	"maps"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// controlPermissiveModify makes it succeed to add a value that exists, or to
// delete one that does not (MS-ADTS section 3.1.1.3.4.1.8).
const controlPermissiveModify = "1.2.840.113556.1.4.1413"

// ModKind says what a modification does.
type ModKind int

// The kinds of modifications (RFC 4511 section 4.6).
const (
	AddValues    ModKind = iota // fails if the value exists, or on a second value of a single-valued attribute
	DeleteValues                // without values, deletes the whole attribute
	ReplaceValues
)

// Mod is one modification of an attribute.
type Mod struct {
	Kind      ModKind
	Attribute string
	Values    []string // binary values as bytes in a string
}

// Add creates an object. Like every write here, it is sent at most once: if no
// answer comes, the error is ErrOutcomeUnknown.
func (c *Client) Add(ctx context.Context, dn ident.DN, attributes map[string][]string) error {
	r := ldap.NewAddRequest(string(dn), nil)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		r.Attribute(name, attributes[name])
	}
	return c.write(ctx, "add", dn, func(conn *ldap.Conn) error { return conn.Add(r) })
}

// Modify changes attributes of one object, all of them or none.
func (c *Client) Modify(ctx context.Context, t Target, mods []Mod, permissive bool) error {
	base, err := t.base()
	if err != nil {
		return err
	}
	r := ldap.NewModifyRequest(string(base), nil)
	if permissive {
		r.Controls = append(r.Controls, ldap.NewControlString(controlPermissiveModify, true, ""))
	}
	for _, m := range mods {
		switch m.Kind {
		case AddValues:
			r.Add(m.Attribute, m.Values)
		case DeleteValues:
			r.Delete(m.Attribute, m.Values)
		case ReplaceValues:
			r.Replace(m.Attribute, m.Values)
		}
	}
	return c.write(ctx, "modify", base, func(conn *ldap.Conn) error { return conn.Modify(r) })
}

// ModifyDN gives an object another name and, with newParent, another
// container.
func (c *Client) ModifyDN(ctx context.Context, dn ident.DN, newRDN string, newParent ident.DN) error {
	r := ldap.NewModifyDNRequest(string(dn), newRDN, true, string(newParent))
	return c.write(ctx, "modify_dn", dn, func(conn *ldap.Conn) error { return conn.ModifyDN(r) })
}

// Delete deletes one object, which must have nothing below it.
func (c *Client) Delete(ctx context.Context, dn ident.DN) error {
	r := ldap.NewDelRequest(string(dn), nil)
	return c.write(ctx, "delete", dn, func(conn *ldap.Conn) error { return conn.Del(r) })
}

func (c *Client) write(ctx context.Context, op string, dn ident.DN, f func(*ldap.Conn) error) error {
	return c.do(ctx, request{op: op, dn: dn, write: true}, func(ctx context.Context, l *connection) error {
		return l.run(ctx, op, f)
	})
}
