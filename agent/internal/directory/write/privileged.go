package write

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// groups are the groups that protect their members: those of
// ident.PrivilegedGroups and of Rules.Protect, except those of Rules.Allow.
type groups struct {
	all    []privilegedGroup // those that exist in this domain
	names  map[string]string // SID -> name, of those in all
	lifted map[string]bool   // SIDs of groups in Rules.Allow
	lists  bool              // all contains a distribution group, which is in no token
}

type privilegedGroup struct {
	dn   ident.DN
	sid  string
	name string // the protecting group: itself, or one that it is in
}

// privileged returns the name of the privileged group with a SID, of this
// domain or another one of the forest; "" if it is none.
func (g groups) privileged(sid string) string {
	if sid == "" || g.lifted[sid] {
		return ""
	}
	if name, ok := g.names[sid]; ok {
		return name
	}
	return ident.PrivilegedSID(sid)
}

// securityGroup is the bit of groupType that security groups have (MS-ADTS
// section 2.2.12); the number is signed.
const securityGroup = -1 << 31

func findGroups(ctx context.Context, dir Reader, rules Rules) (groups, error) {
	g := groups{names: map[string]string{}, lifted: map[string]bool{}}
	for _, dn := range rules.Allow {
		e, isGroup, err := groupAt(ctx, dir, dn)
		if err != nil && !errors.Is(err, conn.ErrNotFound) {
			return g, fmt.Errorf("read %s of allow_protected in [directory]: %w", dn, err)
		}
		if isGroup {
			g.lifted[e.Attributes.First("objectSid")] = true
		}
	}
	for _, dn := range rules.Protect {
		e, isGroup, err := groupAt(ctx, dir, dn)
		switch {
		case errors.Is(err, conn.ErrNotFound):
			return g, fmt.Errorf("protected_groups in [directory] names %s, which does not exist or is not visible to the agent's account: "+
				"its members cannot be protected; next: correct the name", dn)
		case err != nil:
			return g, fmt.Errorf("read %s of protected_groups in [directory]: %w", dn, err)
		case !isGroup:
			return g, fmt.Errorf("protected_groups in [directory] names %s, which is not a group; next: correct the name", dn)
		}
		g.add(e, e.DN.Name()+" of protected_groups")
	}
	err := dir.Search(ctx, conn.Query{
		Base: dir.Server().NamingContext, Filter: wellKnown(dir.Server().DomainSID), Attributes: groupAttributes,
	}, func(e ident.Entry) error {
		name := ident.PrivilegedSID(e.Attributes.First("objectSid"))
		if name == "" { // it is recognised by its name
			name = e.DN.Name()
		}
		g.add(e, name)
		return nil
	})
	if err != nil {
		return g, fmt.Errorf("find the privileged groups: %w", err)
	}
	return g, nil
}

func (g *groups) add(e ident.Entry, name string) {
	sid := e.Attributes.First("objectSid")
	if g.lifted[sid] || g.names[sid] != "" {
		return
	}
	if kind, err := strconv.ParseInt(e.Attributes.First("groupType"), 10, 64); err != nil || kind&securityGroup == 0 {
		g.lists = true
	}
	g.names[sid] = name
	g.all = append(g.all, privilegedGroup{e.DN, sid, name})
}

var groupAttributes = []string{"objectClass", "objectSid", "groupType"}

func groupAt(ctx context.Context, dir Reader, dn ident.DN) (e ident.Entry, isGroup bool, err error) {
	e, err = dir.Get(ctx, conn.ByDN(dn), groupAttributes)
	return e, slices.ContainsFunc(e.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "group") }), err
}

// wellKnown returns a filter for the privileged groups of a domain. Exchange
// gives some of its groups a random sAMAccountName, so the name may be in
// either attribute.
func wellKnown(domain string) string {
	var b strings.Builder
	b.WriteString("(&(objectClass=group)(|")
	for _, g := range ident.PrivilegedGroups {
		if sid := g.SID(domain); sid != "" {
			b.WriteString("(objectSid=" + sid + ")")
		} else {
			b.WriteString("(sAMAccountName=" + conn.EscapeFilter(g.Name) + ")(cn=" + conn.EscapeFilter(g.Name) + ")")
		}
	}
	b.WriteString("))")
	return b.String()
}

// cutRID splits a SID into the part of its domain, including the last hyphen,
// and the part that the domain assigned.
func cutRID(sid string) (domain, rid string) {
	i := strings.LastIndexByte(sid, '-') + 1
	return sid[:i], sid[i:]
}
