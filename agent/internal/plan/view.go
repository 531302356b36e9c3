package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// View is what the plan reads: the mirror of the directory, and the links. It
// must not change while a plan is built. An error ends the plan; finding
// nothing is not an error.
type View interface {
	EntryByGUID(ident.GUID) (ident.Entry, bool, error)
	// EntriesByValue finds every object of the domain, of any kind, that has
	// the value in the attribute, as text.Alike compares.
	EntriesByValue(attribute, value string) ([]ident.Entry, error)
	// EntriesByName and ChildrenByName find every object that prevents another
	// one from getting a value or a name, compared like text.SameName.
	EntriesByName(attribute, value string) ([]ident.Entry, error)
	ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error)
	ContainerExists(ident.DN) (bool, error)
	// ObjectExists looks for an object of any kind, in any domain known to the
	// directory.
	ObjectExists(ident.DN) (bool, error)
	MemberOf(group ident.DN, guid ident.GUID) (bool, error)
	// Protected says why an account or group must not be touched; "" if it may
	// be.
	Protected(ident.Entry) (reason string, err error)

	// LinkByKey and LinkByGUID look among the links of the space,
	// whichever automation made them.
	LinkByKey(ident.Key) (ident.Link, bool, error)
	LinkByGUID(ident.GUID) (ident.Link, bool, error)
	// EachLink calls the function for each link of the automation, in any
	// order, and stops at its first error. The function must not use the View.
	EachLink(func(ident.Link) error) error
}

// AnchorLister is a View that can list the objects whose anchor attribute
// starts with a prefix. With it, a plan made after a loss of the state can
// list accounts that nothing explains. The function must not use the View.
type AnchorLister interface {
	EachAnchor(attribute, prefix string, fn func(ident.Entry) error) error
}

// Mapper turns records into what the directory should hold. Its errors concern
// the record, which is quarantined.
type Mapper interface {
	// Derive computes further fields of a record from those delivered. The
	// other methods take the record that it returns.
	Derive(ident.Record) (ident.Record, error)
	InScope(ident.Record) (bool, error)
	MatchValues(rec ident.Record, attributes []string) (map[string][]string, error)
	Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error)
}

// ScopeTeller is a Mapper that can say by which condition of its scope filter a
// record is out of scope. With it, a plan counts the reasons.
type ScopeTeller interface {
	// Conditions lists the conditions that must all be true, in order.
	Conditions() []string
	// Excluded returns the first of them that is not true for a record; -1 when all
	// are.
	Excluded(ident.Record) int
}

var (
	_ Mapper      = (*mapping.Mapper)(nil)
	_ ScopeTeller = (*mapping.Mapper)(nil)
)
