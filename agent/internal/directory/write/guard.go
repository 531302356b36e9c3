package write

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Guard tells for a whole plan which objects are protected. It reads the
// members of the privileged groups once, so that asking costs no exchange with
// the server; a Writer checks again before it writes.
type Guard struct {
	protection *protection
	members    map[ident.GUID]string // object -> privileged group that it is in, at any depth
	primary    map[string]string     // RID of a group in members -> privileged group
}

// NewGuard reads who is in a privileged group.
func NewGuard(ctx context.Context, client *conn.Client, rules Rules) (*Guard, error) {
	p, err := newProtection(ctx, client, rules)
	if err != nil {
		return nil, err
	}
	g := &Guard{protection: p, members: map[ident.GUID]string{}, primary: map[string]string{}}
	if err := g.read(ctx); err != nil {
		return nil, fmt.Errorf("read the members of privileged groups: %w", err)
	}
	return g, nil
}

type privilegedGroup struct {
	dn   ident.DN
	name string // of the well-known group that it is, or is in
}

func (g *Guard) read(ctx context.Context) error {
	client := g.protection.client
	var open []privilegedGroup
	err := client.Search(ctx, conn.Query{
		Base: client.Server().NamingContext, Filter: wellKnown(client.Server().DomainSID), Attributes: []string{"objectSid"},
	}, func(e ident.Entry) error {
		open = append(open, privilegedGroup{e.DN, privileged(e.Attributes.First("objectSid"))})
		return nil
	})
	for err == nil && len(open) > 0 {
		group := open[0]
		open = open[1:]
		err = client.MembersOf(ctx, group.dn, func(e ident.Entry) error {
			if _, known := g.members[e.GUID]; known {
				return nil
			}
			g.members[e.GUID] = group.name
			for _, class := range e.Attributes.Values("objectClass") {
				if strings.EqualFold(class, "group") {
					sid := e.Attributes.First("objectSid")
					g.primary[sid[strings.LastIndexByte(sid, '-')+1:]] = group.name
					open = append(open, privilegedGroup{e.DN, group.name})
				}
			}
			return nil
		})
	}
	return err
}

// wellKnown is a filter for the privileged groups of a domain.
func wellKnown(domain string) string {
	var b strings.Builder
	b.WriteString("(&(objectClass=group)(|")
	for rid := range builtinGroups {
		b.WriteString("(objectSid=" + builtinDomain + rid + ")")
	}
	for rid := range domainGroups {
		b.WriteString("(objectSid=" + domain + "-" + rid + ")")
	}
	b.WriteString("))")
	return b.String()
}

// Protected says why an account or group must not be touched; "" when it may
// be as far as protection goes. The entry needs objectClass, objectSid,
// userAccountControl, adminCount, primaryGroupID and isCriticalSystemObject.
func (g *Guard) Protected(_ context.Context, e ident.Entry) (string, error) {
	if g.protection.allowed(e.DN) {
		return "", nil
	}
	if why := g.protection.byItself(e); why != "" {
		return why, nil
	}
	if name, ok := g.members[e.GUID]; ok {
		return "it is a member of " + name, nil
	}
	if name, ok := g.primary[e.Attributes.First("primaryGroupID")]; ok {
		return "its primary group is in " + name, nil
	}
	return "", nil
}
