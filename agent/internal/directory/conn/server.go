package conn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// capabilityReadOnly marks a read-only domain controller (MS-ADTS section 3.1.1.3.4.3.7).
const capabilityReadOnly = "1.2.840.113556.1.4.1920"

// rootDSE reads facts about the server itself (RFC 4512 section 5.1).
func rootDSE(conn *ldap.Conn, attributes ...string) (*ldap.Entry, error) {
	result, err := conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", attributes, nil))
	if err != nil {
		return nil, err
	}
	if len(result.Entries) != 1 {
		return nil, ldap.NewError(ldap.LDAPResultNoSuchObject, errors.New("the server has no rootDSE"))
	}
	return result.Entries[0], nil
}

func (c *Client) root(ctx context.Context, attributes ...string) (*ldap.Entry, error) {
	var root *ldap.Entry
	err := c.do(ctx, request{op: "search"}, func(ctx context.Context, l *connection) error {
		return l.run(ctx, "search", func(conn *ldap.Conn) error {
			var err error
			root, err = rootDSE(conn, attributes...)
			return err
		})
	})
	return root, err
}

// identify finds out which domain controller answers, and refuses one that the
// agent cannot work with.
func (c *Client) identify(ctx context.Context) error {
	root, err := c.root(ctx, "dnsHostName", "dsServiceName", "namingContexts", "defaultNamingContext",
		"supportedCapabilities", "isSynchronized", "isGlobalCatalogReady")
	if err != nil {
		return err
	}
	if c.settings.Catalog {
		c.server.DNSHostName = root.GetAttributeValue("dnsHostName")
		if text.Same(root.GetAttributeValue("isGlobalCatalogReady"), "FALSE") {
			return c.unusable("it is no global catalog, or does not hold the whole forest yet", "name another one in directory.global_catalog")
		}
		return nil
	}
	if slices.Contains(root.GetAttributeValues("supportedCapabilities"), capabilityReadOnly) {
		return c.unusable("it is a read-only domain controller", "name a writable one in directory.urls")
	}
	if text.Same(root.GetAttributeValue("isSynchronized"), "FALSE") {
		return c.unusable("its first replication is not complete", "wait for it, or name another one in directory.urls")
	}
	context := heldContext(root, c.settings.BaseDN)
	if context == "" {
		return c.unusable(fmt.Sprintf("it does not hold base_dn %q", c.settings.BaseDN),
			fmt.Sprintf("set base_dn to %s or to something below it", root.GetAttributeValue("defaultNamingContext")))
	}
	c.server.NamingContext = context
	c.server.DNSHostName = root.GetAttributeValue("dnsHostName")
	if err := c.identifyDomain(ctx, ident.DN(root.GetAttributeValue("dsServiceName"))); err != nil {
		return err
	}
	c.server.ServiceName = ident.DN(root.GetAttributeValue("dsServiceName"))
	return nil
}

func (c *Client) identifyDomain(ctx context.Context, service ident.DN) error {
	domain, err := c.Get(ctx, ByDN(c.server.NamingContext), []string{"objectSid"})
	if err != nil {
		return err
	}
	c.server.DomainSID = domain.Attributes.First("objectSid")
	// These two are useful but optional: an account may not be allowed to read
	// them.
	if settings, err := c.Get(ctx, ByDN(service), []string{"invocationId"}); err == nil {
		if id, err := ident.GUIDFromBytes([]byte(settings.Attributes.First("invocationId"))); err == nil {
			c.server.InvocationID = id
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if token, err := c.root(ctx, "tokenGroups"); err == nil {
		if e, err := entry(token); err == nil {
			c.server.TokenSIDs = e.Attributes.Values("tokenGroups")
		}
	}
	return nil
}

// heldContext returns the longest naming context that base lies in.
func heldContext(root *ldap.Entry, base ident.DN) ident.DN {
	var best ident.DN
	for _, n := range root.GetAttributeValues("namingContexts") {
		if base.Under(ident.DN(n)) && len(n) > len(best) {
			best = ident.DN(n)
		}
	}
	return best
}

func (c *Client) unusable(why, next string) error {
	return &Error{Op: "connect", Server: c.server.URL, Err: errors.New(why), Hint: next}
}

// HighestUSN reads highestCommittedUSN. It grows with every write that this
// domain controller makes or replicates, and takes 0.2 ms to read.
func (c *Client) HighestUSN(ctx context.Context) (int64, error) {
	root, err := c.root(ctx, "highestCommittedUSN")
	if err != nil {
		return 0, err
	}
	usn, err := strconv.ParseInt(root.GetAttributeValue("highestCommittedUSN"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read highestCommittedUSN of %s: %w", c.server.URL, err)
	}
	return usn, nil
}
