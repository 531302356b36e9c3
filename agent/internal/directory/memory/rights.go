package memory

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Account is the account that a connection acts as, and what it may do. Every
// account may read everything except deleted objects.
type Account struct {
	DN ident.DN // of an account of the domain
	// Administrator may do everything.
	Administrator bool
	// Replicates means that it has the right Replicating Directory Changes.
	Replicates bool
	// SeesDeleted means that it may list CN=Deleted Objects.
	SeesDeleted bool
	// Users lists containers below which it may create, change and delete user
	// accounts.
	Users []ident.DN
	// Members lists containers below which it may change the members of
	// groups.
	Members []ident.DN
	// Unwritable lists attributes that it nevertheless may not write.
	Unwritable []string
	// Unreadable lists attributes that it does not see.
	Unreadable []string
}

func (a *Account) mayCreate(above *object, c *class) bool {
	return a.Administrator || c.name == "user" && under(above.dn(), a.Users)
}

func (a *Account) mayDelete(o *object) bool {
	return a.Administrator || o.class.name == "user" && under(o.above.dn(), a.Users)
}

func (a *Account) mayRename(o, above *object) bool {
	return a.mayDelete(o) && a.mayCreate(above, o.class)
}

func (a *Account) mayWrite(o *object, attribute string) bool {
	switch {
	case contains(a.Unwritable, attribute):
		return false
	case a.Administrator:
		return true
	case o.class.name == "user":
		return o.above != nil && under(o.above.dn(), a.Users)
	case o.class.name == "group":
		return text.Same(attribute, "member") && under(o.dn(), a.Members)
	}
	return false
}

func (a *Account) mayRead(attribute string) bool { return !contains(a.Unreadable, attribute) }

// sees reports whether the account sees an object at all.
func (a *Account) sees(o *object) bool { return !o.deleted || a.Administrator || a.SeesDeleted }

func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return text.Same(n, name) })
}

func under(dn ident.DN, containers []ident.DN) bool {
	return slices.ContainsFunc(containers, dn.Under)
}

// cutRID splits a SID into the part of its domain, including the last hyphen,
// and the part that the domain assigned.
func cutRID(sid string) (domain, rid string) {
	i := strings.LastIndexByte(sid, '-') + 1
	return sid[:i], sid[i:]
}

// builtIn reports whether an account came with the domain: its RID has three
// digits.
func (o *object) builtIn() bool {
	_, rid := cutRID(o.first("objectsid"))
	return len(rid) == len("512")
}
