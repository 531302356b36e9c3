package conn

import (
	"context"
	"errors"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// controlNotification is LDAP_SERVER_NOTIFICATION (MS-ADTS section
// 3.1.1.3.4.1.9): the search stays open, and the server sends each object below the
// base when it changes.
const controlNotification = "1.2.840.113556.1.4.528"

// Notify calls changed whenever the domain controller says that something in the
// naming context has changed, until ctx ends, the connection is lost, or the server
// ends it. It does not say what has changed, and a server may be seconds late or
// leave changes out: whoever must know of each change asks besides.
//
// Notify uses a connection of its own beside the others of the client. changed must
// not block. The error is never nil.
func (c *Client) Notify(ctx context.Context, changed func()) error {
	l, err := c.apart()
	if err != nil {
		return err
	}
	defer c.part(l)
	if err := l.ready(ctx); err != nil {
		return err
	}
	conn := l.current()
	if conn == nil {
		return c.fail(request{op: "notify"}, errors.New("the connection was lost"), false)
	}
	defer context.AfterFunc(ctx, l.kill)()
	r := ldap.NewSearchRequest(string(c.server.NamingContext), ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"objectGUID"}, []ldap.Control{ldap.NewControlString(controlNotification, true, "")})
	began := time.Now()
	answers := conn.SearchAsync(ctx, r, 64)
	for answers.Next() {
		changed()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case answers.Err() != nil:
		c.observer.Request("notify", code(answers.Err()), time.Since(began))
		return c.fail(request{op: "notify", dn: c.server.NamingContext}, answers.Err(), false)
	}
	return c.fail(request{op: "notify", dn: c.server.NamingContext}, errors.New("the domain controller has ended the notifications"), false)
}

// apart returns a connection beside those of the pool.
func (c *Client) apart() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		return nil, c.fail(request{op: "notify"}, errors.New("the client is closed"), false)
	}
	l := &connection{client: c, host: c.all[0].host, port: c.all[0].port}
	c.all = append(c.all, l)
	return l, nil
}

// part closes a connection beside those of the pool.
func (c *Client) part(l *connection) {
	l.kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.all {
		if other == l {
			c.all = append(c.all[:i:i], c.all[i+1:]...)
			return
		}
	}
}
