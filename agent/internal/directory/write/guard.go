package write

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Guard says for a whole plan which objects are protected. It reads the
// members of the privileged groups once, so that each question needs no
// exchange with the server; a Writer checks again before it writes.
type Guard struct {
	protection *protection
	members    map[ident.GUID]string // object -> privileged group that it is in, at any depth
	primary    map[string]string     // RID of a group in members -> privileged group
}

// NewGuard reads the members of the privileged groups.
func NewGuard(ctx context.Context, dir Reader, rules Rules) (*Guard, error) {
	p, err := newProtection(ctx, dir, rules)
	if err != nil {
		return nil, err
	}
	g := &Guard{protection: p, members: map[ident.GUID]string{}, primary: map[string]string{}}
	if err := g.read(ctx); err != nil {
		return nil, fmt.Errorf("read the members of privileged groups: %w", err)
	}
	return g, nil
}

func (g *Guard) read(ctx context.Context) error {
	open := g.protection.groups.all
	for len(open) > 0 {
		group := open[0]
		open = open[1:]
		if domain, rid := cutRID(group.sid); strings.HasPrefix(domain, domainPrefix) {
			g.primary[rid] = group.name
		}
		err := g.membersOf(ctx, group.dn, func(e ident.Entry) error {
			if _, known := g.members[e.GUID]; known {
				return nil
			}
			g.members[e.GUID] = group.name
			for _, class := range e.Attributes.Values("objectClass") {
				if text.Same(class, "group") {
					open = append(open, privilegedGroup{e.DN, e.Attributes.First("objectSid"), group.name})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// membersOf calls each for every visible direct member of a group, with
// objectClass and objectSid. It does not include accounts that have the group
// as primary group: AD records those only in primaryGroupID.
func (g *Guard) membersOf(ctx context.Context, group ident.DN, each func(ident.Entry) error) error {
	return g.protection.dir.Search(ctx, conn.Query{
		Base: g.protection.dir.Server().NamingContext, Filter: "(memberOf=" + conn.EscapeFilter(string(group)) + ")",
		Attributes: []string{"objectClass", "objectSid"},
	}, each)
}

// Protected says why an account or group must not be touched; "" if protection
// does not forbid it. The entry needs objectClass, objectSid,
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
