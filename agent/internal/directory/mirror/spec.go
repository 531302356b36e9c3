package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Spec says what is mirrored.
type Spec struct {
	// Base lies in the naming context to mirror. The whole context is
	// mirrored, because names must be unique beyond the base and DirSync reads
	// nothing smaller.
	Base ident.DN
	// Attributes are mirrored in addition to the standard ones: the anchor and
	// all that the mappings read or write.
	Attributes []string
	// Optional are mirrored too, as far as the directory has them: one that it does not
	// have is absent from every object, and stops nothing.
	Optional []string
	// SweepEvery is the shortest time between two searches for deleted objects
	// if the bind account is not shown deletions. 0 means whenever anything in
	// the directory has changed.
	SweepEvery time.Duration
	// Events says that what happens to users and groups is recorded as events. The
	// first read is none, nor is what happened before events were asked for.
	Events bool
	// EventsAsBefore records events if the last synchronisation did, whatever
	// Events says: for a configuration that is only tried.
	EventsAsBefore bool
	// Named lists the attributes that an automation asks for by name. A change of
	// userAccountControl and the like counts as modified only if it is named.
	Named []string
	// Incremental refuses a read of everything with a *WholeError: the caller has to
	// see to it that nobody relies on the image meanwhile.
	Incremental bool
	// AcceptShrink accepts a read that shows less than half of the mirror.
	AcceptShrink bool
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// always lists the attributes that every consumer of the mirror relies on.
// Membership comes from member, because the server computes memberOf and
// leaves out other domains.
var always = []string{
	"objectSid", "objectClass", "cn", "name", "sAMAccountName", "userPrincipalName",
	"mail", "proxyAddresses", "userAccountControl", "accountExpires", "adminCount", "primaryGroupID",
	"isCriticalSystemObject", "whenCreated", "member",
}

// These attributes are requested but not stored: an entry has its GUID, and
// deleted objects are not in the mirror.
const (
	objectGUID = "objectguid"
	isDeleted  = "isdeleted"
)

// filter selects the mirrored kinds. Computers and service accounts are users.
// Containers matter because names are unique within one, and because
// everything below one moves with it.
const filter = "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit)" +
	"(objectClass=container)(objectClass=contact))"

// names returns the stored attributes of each object: lower case, sorted.
func (s Spec) names() []string {
	names := make([]string, 0, len(always)+len(s.Attributes))
	for _, name := range slices.Concat(always, s.Attributes, s.Optional) {
		names = append(names, text.Lower(name))
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == objectGUID || n == isDeleted })
}

// format is raised when the mirror of an older rollcall must be read again.
const format = "1"

// digest returns a value that changes with everything that requires a new
// mirror. names are the mirrored attributes.
func digest(base ident.DN, names []string) string {
	h := sha256.New()
	for _, part := range append([]string{format, filter, base.Fold()}, names...) {
		_, _ = h.Write([]byte(part + "\x00")) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
