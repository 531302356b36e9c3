// Package memory is an Active Directory in memory: one domain with the
// objects, rules and result codes that the rest of the agent can meet. It lets
// tests check rules in milliseconds, and whole worlds made at random.
//
// Its answers are those measured on a Samba domain controller: the suite in
// package dirtest runs against both, and a difference is a fault of this
// package. It speaks no LDAP, checks no certificate and replicates nothing; it
// knows only the classes and attributes of schema.txt. It refuses the spellings
// of a DN that ident.ParseDN refuses, though Samba accepts some of them: the
// agent never sends them. The shipped program does not contain it.
package memory

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Domain is a domain with everything in it. It is safe for use by several
// goroutines.
type Domain struct {
	// SyncPage is how many objects one answer of DirSync contains; 0 means all
	// of them, as with Samba.
	SyncPage int

	base   ident.DN
	sid    string
	schema *schema
	now    func() time.Time

	mu      sync.Mutex
	heads   []*object // of the naming contexts
	deleted *object   // CN=Deleted Objects
	objects []*object // in order of creation
	byGUID  map[ident.GUID]*object
	sids    map[string]*object // live objects, by objectSid
	bySAM   map[string]*object // sAMAccountName, folded
	byUPN   map[string]*object // userPrincipalName, folded
	usn     int64
	rid     int
	serial  int
}

// firstRID is the RID of the first account created by people (MS-SAMR section
// 3.1.1.9.2.1).
const firstRID = 1103

// New makes a domain with what every domain has: the containers, the built-in
// groups and accounts, and the schema. now returns the time, for whenCreated
// and pwdLastSet; nil means time.Now.
func New(base ident.DN, now func() time.Time) (*Domain, error) {
	if now == nil {
		now = time.Now
	}
	s, err := loadSchema()
	if err != nil {
		return nil, err
	}
	d := &Domain{
		base: base, sid: "S-1-5-21-1000000001-2000000002-3000000003", schema: s, now: now, rid: firstRID,
		byGUID: map[ident.GUID]*object{}, sids: map[string]*object{},
		bySAM: map[string]*object{}, byUPN: map[string]*object{},
	}
	if err := d.populate(); err != nil {
		return nil, fmt.Errorf("make the domain %s: %w", base, err)
	}
	return d, nil
}

// newGUID returns the next GUID. The sequence is the same in every domain and
// not sorted.
func (d *Domain) newGUID() ident.GUID {
	d.serial++
	sum := sha256.Sum256([]byte(strconv.Itoa(d.serial)))
	guid, _ := ident.GUIDFromBytes(sum[:16]) // 16 bytes always form a GUID
	return guid
}

func (d *Domain) newRID() int {
	d.rid++
	return d.rid
}

// stamp returns the present time in the form of generalizedTime.
func (d *Domain) stamp() string { return d.now().UTC().Format("20060102150405.0Z") }

// fileTime returns the present time in units of 100 ns since 1601 (MS-DTYP
// section 2.3.3).
func (d *Domain) fileTime() string {
	const epoch = 116444736000000000 // 1970
	return strconv.FormatInt(d.now().UnixNano()/100+epoch, 10)
}
