// Package mapping turns a record of an application into what its directory
// account should look like: attributes, OU and groups. It compiles the
// expressions of a data source, orders attributes by what they refer to,
// chooses names that are free, and applies the rules for missing values.
//
// It is pure: which names are in use it asks through Names, and it compares
// nothing with the directory beyond the one entry that it is given. What is
// written, and whether at all, is decided by package plan.
package mapping

import (
	"cmp"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Definition is the mapping of one data source together with the OU and the
// groups of one automation.
type Definition struct {
	Primary    string // the top-level field that holds the primary key
	Where      *expr.Source
	Attributes []AttributeDef
	OU         *expr.Source
	Groups     []expr.Source
	Lookups    map[string]map[string]string
	Settings   map[string]any
}

// AttributeDef is the mapping of one attribute. Exactly one of Value, Formats
// and Values is set.
type AttributeDef struct {
	Name string
	Pos  expr.Pos
	// Value is a template when it contains "{{", otherwise one bare expression.
	Value *expr.Source
	// Formats are templates for one value: the first that is complete, valid
	// and free is taken. An account keeps a name that is any of them. When
	// none of them is what the account has, but one could not be told because
	// a field is absent, the account keeps what it has, too.
	Formats []expr.Source
	// Values are templates for the values of a multi-valued attribute. A
	// value that is null or empty is left out. When one is absent and the
	// values are to replace those in AD, nothing can be said about the whole,
	// and the attribute keeps.
	Values    []expr.Source
	Unique    Unique
	Suffix    Suffix       // "" or SuffixNumber; the number goes behind the first format
	Apply     ident.Apply  // "" is always
	OnMissing OnMissing    // "" is keep
	Default   *expr.Source // a template; with OnMissing default
	// Absent is "" or AbsentClear.
	Absent Absent
	// Add is merge = "add": values are added and others stay. For
	// proxyAddresses the Desired carries the whole resulting list instead, and
	// its Add is false: exactly one value is the primary address (SMTP:), a
	// former one is demoted to smtp:, every other value stays as it is.
	Add       bool
	Directory bool // authoritative = "directory"
	// Encoding is "" or EncodingBase64: the values are then base64 text
	// (RFC 4648 section 4; line breaks are ignored), and AD gets the bytes.
	// In expressions, attributes.NAME is the text.
	Encoding Encoding
	// Raw leaves values as the expressions give them: with the white space and
	// the invisible characters at their ends.
	Raw bool
}

// Names knows which names are in use, in the directory and by records that the
// same run has mapped before.
type Names interface {
	// Holder says who else has value in attr: an account other than self, or a
	// reservation of a key other than key. unique says where to look; parent
	// is the container that counts for UniqueContainer. attr is spelled as in
	// the configuration, value is compared without regard to case.
	//
	// With UniqueForest and an attribute that holds a mail address (mail,
	// userPrincipalName) the implementation also looks at the mail,
	// userPrincipalName and proxyAddresses ("smtp:" + value) of others: one
	// address must not lead to two people.
	Holder(attr, value string, unique Unique, parent ident.DN, self ident.GUID, key ident.Key) (holder string, taken bool, err error)
	// Reserve remembers that the record with key gets value, so that a later
	// record of the run does not.
	Reserve(attr, value string, unique Unique, parent ident.DN, key ident.Key)
}

// Error says why a record cannot be mapped, for quarantine.
type Error struct {
	Attribute string // or "where", "ou", "groups"
	Pos       expr.Pos
	Cause     string
	// Common is Cause without what differs from record to record; "" when
	// nothing does.
	Common string
	Next   string // what to do about it
	// alone says that it is about this attribute and nothing else: the others
	// can be written without it.
	alone bool
}

// Error formats e as "FILE:LINE:COLUMN: attribute: cause".
func (e *Error) Error() string { return e.at(e.Cause) }

// Shared is Error without what differs from record to record: records with the
// same have one cause.
func (e *Error) Shared() string { return e.at(cmp.Or(e.Common, e.Cause)) }

func (e *Error) at(cause string) string {
	s := e.Attribute + ": " + cause
	if p := e.Pos.String(); p != "" {
		s = p + ": " + s
	}
	return s
}

// Mapper maps records. It is immutable and safe for concurrent use.
type Mapper struct {
	primary    string
	where      *expr.Expression
	attributes []*attribute // in the order of evaluation
	ou         *expr.Template
	fixedOU    ident.DN // of an OU that is written out
	ouAfter    int      // the attributes before this index are evaluated before the OU
	groups     []*expr.Template
	settings   map[string]any
	fields     []string
	places     map[string]expr.Pos // where each field of user is used first
	version    string
	usesNow    bool
	derived    []derived
	now        time.Time // zero: the time of each evaluation
	schema     ident.Schema
}

// attribute is a compiled AttributeDef.
type attribute struct {
	AttributeDef
	candidates []*expr.Template // of Value and Formats
	values     []*expr.Template
	fallback   *expr.Template
}

// Fields returns the top-level fields of a record that anything uses, and the
// primary key; sorted.
func (m *Mapper) Fields() []string { return m.fields }

// Place tells where the definition uses user.FIELD first; false where it does
// not.
func (m *Mapper) Place(field string) (expr.Pos, bool) {
	at, ok := m.places[field]
	return at, ok
}

// WhereIsFixed reports whether the scope filter looks at nothing of a record.
func (m *Mapper) WhereIsFixed() bool {
	return m.where != nil && !m.where.Uses("user") && !m.where.Uses("endpoints")
}

// Version returns a digest of the definition: records mapped under another
// version have to be mapped again.
func (m *Mapper) Version() string { return m.version }

// UsesNow reports whether anything depends on the time, so that a record that
// did not change may map to something else.
func (m *Mapper) UsesNow() bool { return m.usesNow }

// At returns a mapper whose expressions take t for now.
func (m *Mapper) At(t time.Time) *Mapper {
	fixed := *m
	fixed.now = t
	return &fixed
}

// Under returns a mapper that knows what the directory takes: of several
// formats one that fits is chosen, and an attribute whose value does not fit is
// set aside (see ident.Desired) while the others go on.
func (m *Mapper) Under(schema ident.Schema) *Mapper {
	fitted := *m
	fitted.schema = schema
	return &fitted
}

// Attributes returns the names of the mapped attributes, spelled as in the
// configuration, in the order of evaluation; cn is among them when its default
// applies.
func (m *Mapper) Attributes() []string {
	names := make([]string, len(m.attributes))
	for i, a := range m.attributes {
		names[i] = a.Name
	}
	return names
}

// Uniques tells where the values of attributes must be the only ones, by name
// in lower case.
func (m *Mapper) Uniques() map[string]Unique {
	uniques := map[string]Unique{}
	for _, a := range m.attributes {
		if a.Unique != UniqueNowhere {
			uniques[text.Lower(a.Name)] = a.Unique
		}
	}
	return uniques
}
