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

// protectionAttributes are read from each object before it is written.
// tokenGroups contains the SIDs of all its groups, including nested ones and
// the primary one, and takes a tenth of a millisecond.
var protectionAttributes = []string{
	"objectClass", "objectSid", "userAccountControl", "adminCount", "primaryGroupID",
	"isCriticalSystemObject", "memberOf", "tokenGroups",
}

// Bits of userAccountControl (MS-ADTS section 2.2.16).
const (
	lockout        = 0x10
	passwordExpiry = 0x800000
	trustAccounts  = 0x800 | 0x1000 | 0x2000 // interdomain, workstation, server
	normalAccount  = 0x200
	// computedBits are computed by the server and never written.
	computedBits = lockout | passwordExpiry
)

var domainUsers = map[string]string{"500": "the built-in Administrator", "501": "the built-in Guest", "502": "krbtgt"}

const domainPrefix = "S-1-5-21-"

// protection decides which objects must not be touched.
type protection struct {
	dir    Reader
	rules  Rules
	self   []string // SIDs of the agent's account, and of the groups it is in
	groups groups
}

func newProtection(ctx context.Context, dir Reader, rules Rules) (*protection, error) {
	if err := rules.check(); err != nil {
		return nil, fmt.Errorf("check the rules of [directory]: %w", err)
	}
	p := &protection{dir: dir, rules: rules, self: slices.Clone(dir.Server().TokenSIDs)}
	var err error
	if p.groups, err = findGroups(ctx, dir, rules); err != nil {
		return nil, err
	}
	named, err := p.bindAccount(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the account %q that the agent binds as: %w", rules.BindDN, err)
	}
	if p.self = append(p.self, named...); len(p.self) == 0 {
		return nil, fmt.Errorf("find the account %q that the agent binds as: it cannot be seen, and so cannot be protected; "+
			"next: let it read itself", rules.BindDN)
	}
	return p, nil
}

// bindAccount finds the SIDs of the accounts that the bind name may refer to.
func (p *protection) bindAccount(ctx context.Context) ([]string, error) {
	name := p.rules.BindDN
	if strings.Contains(name, "=") {
		e, err := p.dir.Get(ctx, conn.ByDN(ident.DN(name)), []string{"objectSid"})
		if errors.Is(err, conn.ErrNotFound) {
			return nil, nil
		}
		return e.Attributes.Values("objectSid"), err
	}
	sam, _, _ := strings.Cut(name, "@")
	if _, after, ok := strings.Cut(name, `\`); ok {
		sam = after
	}
	var sids []string
	err := p.dir.Search(ctx, conn.Query{
		Base: p.dir.Server().NamingContext,
		Filter: "(&(objectClass=user)(|(userPrincipalName=" + conn.EscapeFilter(name) +
			")(sAMAccountName=" + conn.EscapeFilter(sam) + ")))",
		Attributes: []string{"objectSid"},
	}, func(e ident.Entry) error {
		sids = append(sids, e.Attributes.Values("objectSid")...)
		return nil
	})
	return sids, err
}

func (p *protection) allowed(dn ident.DN) bool {
	return slices.ContainsFunc(p.rules.Allow, dn.EqualFold)
}

// account says why a user account that was just read must not be touched; ""
// if it may be.
func (p *protection) account(ctx context.Context, e ident.Entry) (string, error) {
	if p.allowed(e.DN) {
		return "", nil
	}
	if !slices.ContainsFunc(e.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "user") }) {
		return "it is not a user account", nil
	}
	for _, needed := range []string{"objectSid", "userAccountControl", "primaryGroupID"} {
		if e.Attributes.First(needed) == "" {
			return needed + " cannot be read, so that nobody knows what the account may do", nil
		}
	}
	if why := p.byItself(e); why != "" {
		return why, nil
	}
	return p.byMembership(ctx, e)
}

// byItself judges an object by its own attributes.
func (p *protection) byItself(e ident.Entry) string {
	sid := e.Attributes.First("objectSid")
	if name := p.groups.privileged(sid); name != "" {
		return "it is the group " + name
	}
	domain, rid := cutRID(sid)
	if name, ok := domainUsers[rid]; ok && strings.HasPrefix(domain, domainPrefix) {
		return "it is " + name
	}
	classes := e.Attributes.Values("objectClass")
	has := func(class string) bool {
		return slices.ContainsFunc(classes, func(c string) bool { return text.Same(c, class) })
	}
	uac, _ := strconv.ParseInt(e.Attributes.First("userAccountControl"), 10, 64)
	switch {
	case !has("group") && slices.Contains(p.self, sid):
		return "it is the account that the agent binds as"
	case has("computer") || has("msDS-ManagedServiceAccount") || has("msDS-GroupManagedServiceAccount") || has("trustedDomain"):
		return "it is the account of a computer or a service"
	case uac&trustAccounts != 0:
		return "it is the account of a computer or a trust"
	case e.Attributes.First("adminCount") == "1":
		return "adminCount is 1"
	case text.Same(e.Attributes.First("isCriticalSystemObject"), "TRUE"):
		return "it is built into the system"
	}
	if name := p.groups.privileged(ident.PrimaryGroup(e)); name != "" {
		return "its primary group is " + name
	}
	return ""
}

// byMembership looks for a privileged group among all groups of an account, or
// among the groups that a group is in.
func (p *protection) byMembership(ctx context.Context, e ident.Entry) (string, error) {
	token := e.Attributes.Values("tokenGroups")
	for _, sid := range token {
		if name := p.groups.privileged(sid); name != "" {
			return "it is a member of " + name, nil
		}
	}
	if len(token) > 0 && !p.groups.lists {
		return "", nil
	}
	return p.upwards(ctx, e)
}

// upwards follows memberOf and the primary group where tokenGroups is not
// enough: for groups, for accounts whose tokenGroups may not be read, and if a
// distribution group is protected, because no token contains those.
func (p *protection) upwards(ctx context.Context, e ident.Entry) (string, error) {
	var open []ident.DN
	for _, dn := range e.Attributes.Values("memberOf") {
		open = append(open, ident.DN(dn))
	}
	if sid := ident.PrimaryGroup(e); sid != "" {
		open = append(open, ident.DN("<SID="+sid+">"))
	}
	for seen := map[ident.DN]bool{}; len(open) > 0; {
		dn := open[0]
		open = open[1:]
		if seen[dn] {
			continue
		}
		seen[dn] = true
		group, err := p.dir.Get(ctx, conn.ByDN(dn), []string{"objectSid", "memberOf"})
		if errors.Is(err, conn.ErrNotFound) {
			return fmt.Sprintf("it is a member of %s, which cannot be read", dn), nil
		}
		if err != nil {
			return "", err
		}
		if name := p.groups.privileged(group.Attributes.First("objectSid")); name != "" {
			return "it is a member of " + name, nil
		}
		for _, above := range group.Attributes.Values("memberOf") {
			open = append(open, ident.DN(above))
		}
	}
	return "", nil
}
