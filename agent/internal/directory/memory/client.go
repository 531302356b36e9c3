package memory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Client is a connection to one of the domain's servers as some account. It
// answers like conn.Client. It is safe for use by several goroutines.
type Client struct {
	// Fault decides, before a request is examined, what goes wrong with it;
	// nil means nothing.
	Fault func(Request) Fault

	domain  *Domain
	account Account
	server  server
}

// server is one of the domain controllers. All hold the same objects at every
// moment, but each counts its own USNs.
type server struct {
	conn.Server
	offset int64 // of its USNs
}

// Connect returns a connection to the domain controller with a host name, such
// as dc1, as an account.
func (d *Domain) Connect(account Account, host string) (*Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.find(account.DN)
	if o == nil {
		return nil, conn.Answer("bind", "ldaps://"+host, account.DN, ldap.LDAPResultInvalidCredentials, acceptError("525"))
	}
	dns := host + "." + d.base.Domain()
	service := ident.DN("CN=NTDS Settings,CN=" + host + ",CN=Servers,CN=Default-First-Site-Name,CN=Sites," + string(d.configurationBase()))
	return &Client{domain: d, account: account, server: server{
		Server: conn.Server{
			URL: "ldaps://" + dns, DNSHostName: dns, ServiceName: service, InvocationID: nameGUID("database of " + dns),
			NamingContext: d.base, DomainSID: d.sid, TokenSIDs: append([]string{o.first("objectsid")}, d.tokenGroups(o)...),
		},
		offset: int64(len(host)) * 1000,
	}}, nil
}

// Server describes the domain controller.
func (c *Client) Server() conn.Server { return c.server.Server }

// HighestUSN returns the USN of the last write.
func (c *Client) HighestUSN(ctx context.Context) (usn int64, err error) {
	err = c.do(ctx, Request{Op: "search"}, func() error {
		usn = c.domain.usn + c.server.offset
		return nil
	})
	return usn, err
}

// Get reads one object.
func (c *Client) Get(ctx context.Context, t conn.Target, attributes []string) (e ident.Entry, err error) {
	base := target(t)
	err = c.do(ctx, Request{Op: "search", DN: base}, func() error {
		o, err := c.named(base, t.Deleted)
		if err != nil {
			return err
		}
		e = c.domain.entry(&c.account, o, attributes)
		return nil
	})
	return e, err
}

// Search calls each for every object that a query finds.
func (c *Client) Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error {
	var found []ident.Entry
	err := c.do(ctx, Request{Op: "search", DN: q.Base, Filter: q.Filter}, func() error {
		matches, err := compile(q.Filter)
		if err != nil {
			return err
		}
		base, err := c.named(q.Base, q.Deleted)
		if err != nil {
			return err
		}
		for _, o := range c.candidates(base, q.Scope) {
			if c.shown(o, q.Deleted) && matches(c.domain, o) {
				found = append(found, c.domain.entry(&c.account, o, q.Attributes))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range found {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// candidates returns the objects that a scope covers, in no particular order.
func (c *Client) candidates(base *object, scope conn.Scope) []*object {
	var list []*object
	switch scope {
	case conn.Base:
		return []*object{base}
	case conn.Children:
		for _, o := range base.below {
			list = append(list, o)
		}
	default:
		base.each(func(o *object) { list = append(list, o) })
	}
	slices.SortFunc(list, func(x, y *object) int { return strings.Compare(string(x.guid), string(y.guid)) })
	return list
}

// DirSync reads the next page of changes.
func (c *Client) DirSync(ctx context.Context, q conn.SyncQuery) (page conn.SyncPage, err error) {
	err = c.do(ctx, Request{Op: "dirsync", DN: q.Base, Filter: q.Filter}, func() error {
		page, err = c.domain.dirSync(&c.account, &c.server, q)
		return err
	})
	return page, err
}

// Add creates an object.
func (c *Client) Add(ctx context.Context, dn ident.DN, attributes map[string][]string) error {
	return c.do(ctx, Request{Op: "add", DN: dn, Write: true}, func() error {
		return c.domain.add(&c.account, dn, attributes)
	})
}

// Modify changes attributes of one object, all of them or none.
func (c *Client) Modify(ctx context.Context, t conn.Target, mods []conn.Mod, permissive bool) error {
	base := target(t)
	return c.do(ctx, Request{Op: "modify", DN: base, Write: true}, func() error {
		for _, m := range mods {
			if err := c.domain.checkMessage(m.Attribute, m.Values, m.Kind == conn.DeleteValues); err != nil {
				return err
			}
		}
		o, err := c.named(base, false)
		if err != nil {
			return err
		}
		return c.domain.modify(&c.account, o, mods, permissive)
	})
}

// ModifyDN gives an object another name and, with newParent, another
// container.
func (c *Client) ModifyDN(ctx context.Context, dn ident.DN, newRDN string, newParent ident.DN) error {
	return c.do(ctx, Request{Op: "modify_dn", DN: dn, Write: true}, func() error {
		above, err := c.domain.newParent(dn, newParent)
		if err != nil {
			return err
		}
		o, err := c.named(dn, false)
		if err != nil {
			return err
		}
		return c.domain.rename(&c.account, o, newRDN, above)
	})
}

// Delete deletes one object, which must have nothing below it.
func (c *Client) Delete(ctx context.Context, dn ident.DN) error { return c.delete(ctx, dn, false) }

// DeleteTree deletes an object and all that is below it.
func (c *Client) DeleteTree(ctx context.Context, dn ident.DN) error { return c.delete(ctx, dn, true) }

func (c *Client) delete(ctx context.Context, dn ident.DN, tree bool) error {
	return c.do(ctx, Request{Op: "delete", DN: dn, Write: true}, func() error {
		o, err := c.named(dn, false)
		if err != nil {
			return err
		}
		return c.domain.remove(&c.account, o, tree)
	})
}

func target(t conn.Target) ident.DN {
	if t.GUID == "" {
		return t.DN
	}
	return ident.DN("<GUID=" + string(t.GUID) + ">")
}

// named returns the object that a request names.
func (c *Client) named(dn ident.DN, deleted bool) (*object, error) {
	if _, err := ident.ParseDN(string(dn)); err != nil && dn[0] != '<' {
		return nil, refuse(ldap.LDAPResultInvalidDNSyntax, "00002032: invalid dn")
	}
	o := c.domain.find(dn)
	if o == nil || !c.shown(o, deleted) {
		return nil, noSuchObject(string(dn))
	}
	return o, nil
}

func (c *Client) shown(o *object, deleted bool) bool {
	return c.account.sees(o) && (deleted || !o.deleted)
}

// do carries out a request, with the fault that Fault chooses for it.
func (c *Client) do(ctx context.Context, r Request, f func() error) error {
	fault := Fault{}
	if c.Fault != nil {
		fault = c.Fault(r)
	}
	if err := fault.before(ctx, c, r); err != nil {
		return err
	}
	c.domain.mu.Lock()
	err := f()
	c.domain.mu.Unlock()
	if fault.LostAfter {
		return conn.NoAnswer(r.Op, c.server.URL, r.DN, errLost, r.Write)
	}
	var answer *refusal
	if errors.As(err, &answer) {
		return conn.Answer(r.Op, c.server.URL, r.DN, answer.code, answer.text)
	}
	return err
}

// acceptError returns the text of a refused bind, with its Windows code.
func acceptError(data string) string {
	return "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + data + ", v1db1"
}

// Bind reports whether the domain accepts a password for an account, named by
// DN, user@domain or sAMAccountName.
func (d *Domain) Bind(name, password string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.bySAM[fold(name)]
	if upn := d.byUPN[fold(name)]; upn != nil {
		o = upn
	} else if byDN := d.find(ident.DN(name)); byDN != nil {
		o = byDN
	}
	data := ""
	switch {
	case o == nil || o.password == "" || o.password != password:
		data = "52e"
	case d.disabled(o):
		data = "533"
	case o.first("pwdlastset") == "0":
		data = "773"
	}
	if data == "" {
		return nil
	}
	return conn.Answer("bind", "ldaps://"+d.base.Domain(), ident.DN(name), ldap.LDAPResultInvalidCredentials, acceptError(data))
}

func (d *Domain) disabled(o *object) bool {
	m, _ := compile("(userAccountControl:" + ruleAllBits + ":=2)")
	return m(d, o)
}
