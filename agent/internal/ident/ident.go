// Package ident holds the nouns that every other package uses: what an
// application delivered, what the directory holds, what a run would change and
// what became of it. It also holds the rules about them that several packages
// share, such as Scope, Anchor and Disabled. It does no I/O.
package ident

import (
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Key is the primary key of a record within one Space, as text ("11",
// "f07d229d-..."). Equal numbers are one key, however the application spells
// them: see abi.NumberKey. A text that consists of digits is kept as it is.
type Key string

// GUID is an objectGUID in the text form that AD tools print:
// lower case, 8-4-4-4-12 (MS-DTYP section 2.3.4.3).
type GUID string

// Record is one user as an application delivered it.
//
// Fields holds decoded JSON: nil, string, bool, json.Number, []any and
// map[string]any. A field that was not delivered has no entry; one that was
// delivered as null has a nil entry. The two must not be confused.
type Record struct {
	Endpoint string `json:"endpoint"`
	Key      Key    `json:"key"`
	// Number is the key as the application spelled it, when it is a number.
	Number string         `json:"number,omitempty"`
	Fields map[string]any `json:"fields"`
	// Deleted says that this is not a record but a report of the application
	// that the key was deleted. There are no Fields.
	Deleted bool `json:"deleted,omitempty"`
	// Partial says that Fields belong to the record with the same key, and are
	// delivered separately from it: a photo, as base64 text.
	Partial bool `json:"partial,omitempty"`
	// Problem says why the record cannot be used as it was delivered, and where
	// in the delivery it was; "" when it can be used. Fields hold what could be
	// read.
	Problem string `json:"problem,omitempty"`
	// Joined holds the fields of the records with the same key that the further
	// endpoints of the data source delivered, by endpoint. Where an endpoint
	// delivered none, there is no entry.
	Joined map[string]map[string]any `json:"joined,omitempty"`
	// Attached holds what was fetched for attributes with attach, by their names as
	// in the configuration. Where nothing was fetched, there is no entry.
	Attached map[string]Attachment `json:"attached,omitempty"`
}

// Position says how far the deliveries of an endpoint in mode changes have come.
// The zero Position is the beginning.
type Position struct {
	Cursor string    // where the connector wants to continue; "" when it never said so
	Since  time.Time // when the last run started that used its delivery; zero: no run has
}

// Attributes maps LDAP attribute names in lower case to their values in the
// order the server gave them. Binary values are kept as bytes in a string.
type Attributes map[string][]string

// Values returns the values of name, in any case; nil when it has none.
func (a Attributes) Values(name string) []string { return a[text.Lower(name)] }

// First returns the first value of name, or "" when it has none.
func (a Attributes) First(name string) string {
	if v := a.Values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set replaces the values of name.
func (a Attributes) Set(name string, values ...string) { a[text.Lower(name)] = values }

// Entry is one directory object as the mirror knows it.
type Entry struct {
	GUID       GUID       `json:"guid"`
	DN         DN         `json:"dn"`
	Attributes Attributes `json:"attributes"`
}

// Apply says when a mapped attribute is written.
type Apply string

// The values of apply in the configuration.
const (
	ApplyAlways  Apply = "always"
	ApplyCreate  Apply = "create"
	ApplyIfEmpty Apply = "if_empty"
)

// Values lists the words that the configuration uses for when to write an
// attribute.
func (Apply) Values() []string {
	return []string{string(ApplyCreate), string(ApplyAlways), string(ApplyIfEmpty)}
}

// Desired is what the mapping wants for one record.
type Desired struct {
	Key        Key
	Off        Off // why the account is to be disabled; "" when it is not
	Parent     DN  // the OU in which the account belongs
	Groups     []DN
	Attributes []DesiredAttribute // sorted by name, without the attributes that keep their values
	Aside      []AttributeFault   // attributes that are left out because the directory would refuse them
	Absent     []string           // attributes that keep their values because a field is absent, spelled as in the configuration
	Waits      bool               // an attachment comes with a later run
}

// AttributeFault is an attribute that cannot have the value that it should have.
type AttributeFault struct {
	Attribute string // spelled as in the configuration
	Cause     string
	Shared    string // Cause without the details of this record
	Next      string
}

// Attribute returns a desired attribute by name, in any case.
func (d Desired) Attribute(name string) (DesiredAttribute, bool) {
	for _, a := range d.Attributes {
		if text.Same(a.Name, name) {
			return a, true
		}
	}
	return DesiredAttribute{}, false
}

// DesiredAttribute is the value that an attribute should have, and the rules for
// writing it.
type DesiredAttribute struct {
	Name      string   // spelled as in the configuration
	Values    []string // empty together with Clear: the attribute is to be emptied
	Clear     bool
	Apply     Apply
	Binary    bool // the values are bytes, not text
	Reference bool // the values are keys of records, and the attribute names their accounts
	// Of a reference: AbsentIsNull says that keys without an account count as null,
	// and Empties that null empties the attribute.
	AbsentIsNull, Empties bool
	Add                   bool   // merge = "add": values are added, others stay
	Directory             bool   // authoritative = "directory": hand-made changes stay
	Source                string // the expression or template, for reasons
}

// Link ties a record of an application to a directory object permanently.
type Link struct {
	Application string     `json:"application"`
	Kind        string     `json:"kind"` // of the record; "" is UserKind
	Key         Key        `json:"key"`
	GUID        GUID       `json:"guid"`
	Automation  string     `json:"automation"` // "" for a link that an orchestration made
	Origin      LinkOrigin `json:"origin"`
	// Orchestration made the link. No automation takes its key for missing.
	Orchestration string    `json:"orchestration,omitempty"`
	Created       time.Time `json:"created"`
	// Placed is the container that rollcall last chose for the object. If the
	// object is elsewhere, somebody else moved it.
	Placed DN `json:"placed,omitempty"`
	// Left is the container from which rollcall moved the object away because
	// its key was missing, and LeftOU is the former value of Placed. Both are ""
	// when the object was not moved away, or is back.
	Left   DN `json:"left,omitempty"`
	LeftOU DN `json:"left_ou,omitempty"`
	// OU is what ou named when the object was left where it was: an adopted
	// account moves only once ou names another place. "" means the same as
	// Placed.
	OU DN `json:"ou,omitempty"`
	// MissingSince is set when rollcall disabled the account because its key
	// was missing, or as Off says; only then does rollcall enable it again.
	MissingSince *time.Time `json:"missing_since,omitempty"`
	// Off says, with MissingSince, why the account is disabled although its key is
	// delivered; "" when the key was missing.
	Off Off `json:"off,omitempty"`
	// Stripped are the groups that rollcall took the account out of because its key was
	// missing. A returner gets them back.
	Stripped []GUID `json:"stripped,omitempty"`
	// Unseen says that no complete delivery has contained the key, with its
	// record in scope, when the link was made or since. The key may be wrong, so
	// nobody counts as missing because of it.
	Unseen bool `json:"unseen,omitempty"`
	// Delivered says that the last trusted delivery contained the key.
	Delivered bool `json:"delivered,omitempty"`
	// Applied holds a digest of the last written values, by attribute name in
	// lower case. A value with another digest was changed by hand.
	Applied map[string]string `json:"applied,omitempty"`
}

// Space returns the space of the link's key.
func (l Link) Space() Space { return SpaceOf(l.Application, l.Kind) }

// Missing reports whether rollcall disabled the account because its key was missing.
func (l Link) Missing() bool { return l.MissingSince != nil && l.Off == "" }

// Maker names what made the link, for people: the automation or orchestration.
func (l Link) Maker() string {
	if l.Orchestration != "" {
		return fmt.Sprintf("orchestration %q", l.Orchestration)
	}
	return fmt.Sprintf("automation %q", l.Automation)
}

// LinkOrigin says how a link was made.
type LinkOrigin string

// The ways to make a link.
const (
	OriginCreated  LinkOrigin = "created"  // rollcall created the account
	OriginAdopted  LinkOrigin = "adopted"  // rollcall linked an account that it did not create
	OriginRestored LinkOrigin = "restored" // found again by the anchor after the state was lost
	OriginManual   LinkOrigin = "manual"   // rollcall link add
	OriginOutbound LinkOrigin = "outbound" // an orchestration created or found the record in the application
)
