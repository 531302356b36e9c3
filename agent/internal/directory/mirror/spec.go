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
	// Base lies in the naming context to mirror. All of that is mirrored:
	// names are unique beyond the base, and DirSync knows nothing smaller.
	Base ident.DN
	// Attributes are mirrored besides the ones that always are: the anchor and
	// whatever the mappings read or write.
	Attributes []string
	// SweepEvery is the shortest time between two searches for deleted objects
	// when the bind account is not shown deletions; 0: whenever anything in
	// the directory has changed.
	SweepEvery time.Duration
	// AcceptShrink lets a read stand that shows less than half of the mirror.
	AcceptShrink bool
}

// always lists the attributes that every consumer of the mirror relies on.
// Membership is read from member: memberOf is computed by the server and
// leaves out other domains.
var always = []string{
	"objectSid", "objectClass", "cn", "name", "sAMAccountName", "userPrincipalName",
	"mail", "proxyAddresses", "userAccountControl", "accountExpires", "adminCount", "primaryGroupID",
	"isCriticalSystemObject", "whenCreated", "member",
}

// Attributes that are asked for and not stored: an entry has its GUID, and
// what is deleted is not in the mirror.
const (
	objectGUID = "objectguid"
	isDeleted  = "isdeleted"
)

// filter selects the mirrored kinds. Computers and service accounts are users;
// containers matter because names are unique within one and because all that
// is below one moves with it.
const filter = "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit)" +
	"(objectClass=container)(objectClass=contact))"

// names returns what is stored of each object: lower case, sorted.
func (s Spec) names() []string {
	names := make([]string, 0, len(always)+len(s.Attributes))
	for _, name := range slices.Concat(always, s.Attributes) {
		names = append(names, text.Lower(name))
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == objectGUID || n == isDeleted })
}

// format is raised when the mirror of an older rollcall must be read anew.
const format = "1"

// digest changes with everything that makes a mirror another one.
func (s Spec) digest(base ident.DN) string {
	h := sha256.New()
	for _, part := range append([]string{format, filter, base.Fold()}, s.names()...) {
		_, _ = h.Write([]byte(part + "\x00")) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
