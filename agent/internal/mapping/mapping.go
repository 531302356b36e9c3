// Package mapping turns a record of an application into what its directory
// account should look like: attributes, OU and groups. It compiles the
// expressions of a data source, orders attributes by their dependencies, chooses
// free names, and applies the rules for missing values.
//
// It is pure: it asks Names which names are in use, and the only part of the
// directory that it sees is the entry that it is given. Package plan decides
// what is written, and whether anything is.
package mapping

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Definition is the mapping of one data source together with the OU and the
// groups of one automation.
type Definition struct {
	Primary string // the top-level field that holds the primary key
	// Endpoints are those of the data source; the first leads. Without any, every
	// name may stand after "endpoints.", and is that of the records' own endpoint.
	Endpoints []string
	Where     *expr.Source
	// EnableWhen says who is to have an enabled account, and DisableWhen who is not to
	// have one any more; both in the scope of Where. nil asks for nothing.
	EnableWhen, DisableWhen *expr.Source

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
	// Formats are templates for one value: the first that is complete, valid and
	// free is used. An account keeps a name that any of them gives. It also
	// keeps its name when none of them gives it, but one could not be evaluated
	// because a field is absent.
	Formats []expr.Source
	// Values are templates for the values of a multi-valued attribute. A null or
	// empty value is left out. When one is absent and the values would replace
	// those in AD, the whole list is not known, and the attribute keeps its
	// values.
	Values    []expr.Source
	Unique    Unique
	Suffix    Suffix       // "" or SuffixNumber: the number is appended to the first format
	Apply     ident.Apply  // "" is always
	OnMissing OnMissing    // "" is keep
	Default   *expr.Source // a template; only with OnMissing default
	// Absent is "" or AbsentClear.
	Absent Absent
	// Add is merge = "add": values are added, and others stay. For
	// proxyAddresses the Desired holds the whole resulting list instead, and its
	// Add is false. Exactly one value of that list is the primary address
	// (SMTP:), a former primary becomes smtp:, and every other value stays as it
	// is.
	Add       bool
	Directory bool // authoritative = "directory"
	// Reference says that Value or Values give primary keys of the same
	// application, and the attribute names the accounts of these records. Which
	// accounts they are is known only when all records have been planned, so no
	// expression can use the attribute.
	Reference bool
	// Encoding is "" or EncodingBase64. With EncodingBase64 the values are
	// base64 text (RFC 4648 section 4; line breaks are ignored), and AD gets the
	// bytes. In expressions, attributes.NAME is the text.
	Encoding Encoding
	// Attach says that Value gives an address, and that AD gets what a run has
	// fetched from there (see ident.Record). The expressions see only what is known
	// before anything is mapped: user, endpoints, settings and now.
	Attach bool
	// Raw keeps the white space and the invisible characters at the ends of
	// values.
	Raw bool
}

// Names knows which names are in use, in the directory and by records that the
// same run has mapped before.
type Names interface {
	// Holder returns who else has value in attr: an account other than self, or
	// a reservation by a key other than key. unique says where to look; parent
	// is the container for UniqueContainer. attr is spelled as in the
	// configuration. value is compared without regard to case.
	//
	// With UniqueForest and an attribute that holds a mail address (mail,
	// userPrincipalName), the implementation also looks at the mail,
	// userPrincipalName and proxyAddresses ("smtp:" + value) of others: one
	// address must not lead to two people.
	//
	// An *UnknownHolder error says that somebody may have the value. It sets the
	// attribute or the record aside; any other error ends the mapping.
	Holder(attr, value string, unique Unique, parent ident.DN, self ident.GUID, key ident.Key) (holder string, taken bool, err error)
	// Reserve records that the record with key gets value, so that a later
	// record of the run does not.
	Reserve(attr, value string, unique Unique, parent ident.DN, key ident.Key)
}

// UnknownHolder says why it cannot be found out for now whether anybody has a value.
type UnknownHolder struct {
	Cause, Next string
}

func (e *UnknownHolder) Error() string { return e.Cause }

// Error says why a record cannot be mapped, for quarantine.
type Error struct {
	Attribute string // or "where", "ou", "groups"
	Pos       expr.Pos
	Cause     string
	// Common is Cause without what differs from record to record; "" when
	// nothing does.
	Common string
	Next   string // what to do about it
	// alone says that the error affects only this attribute: the others can be
	// written without it.
	alone bool
}

// Error returns the text "FILE:LINE:COLUMN: attribute: cause".
func (e *Error) Error() string { return e.at(e.Cause) }

// Shared is Error without what differs from record to record. Records with the
// same text have the same cause.
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
	conditions []condition // of where
	off        []conditionOff
	attributes []*attribute // in the order of evaluation
	ou         *expr.Template
	fixedOU    ident.DN // of an OU without expressions
	ouAfter    int      // the attributes before this index are evaluated before the OU
	groups     []*expr.Template
	settings   map[string]any
	fields     map[string][]string // by endpoint; "" is the one that leads
	places     map[string]expr.Pos // the first place where each field is used, by FIELD or ENDPOINT.FIELD
	version    string
	usesNow    bool
	derived    []derived
	now        time.Time // zero: the time of each evaluation
	schema     ident.Schema
}

// attribute is a compiled AttributeDef.
type attribute struct {
	AttributeDef
	form       form
	folded     string           // Name in lower case
	referenced bool             // another expression uses attributes.NAME
	picks      bool             // single(): one result of the expressions is chosen
	candidates []*expr.Template // the templates of Value and Formats
	values     []*expr.Template
	fallback   *expr.Template
}

// Fields returns the top-level fields of a record that the mapper uses, and the
// primary key, sorted.
func (m *Mapper) Fields() []string { return m.fields[""] }

// FieldsOf returns the top-level fields of the records of a further endpoint that the
// mapper uses, sorted.
func (m *Mapper) FieldsOf(endpoint string) []string { return m.fields[endpoint] }

// Place returns the first place where the definition uses user.FIELD or, written as
// ENDPOINT.FIELD, a field of a further endpoint; false when it does not use it.
func (m *Mapper) Place(field string) (expr.Pos, bool) {
	at, ok := m.places[field]
	return at, ok
}

// WhereIsFixed reports whether the scope filter does not depend on the record.
func (m *Mapper) WhereIsFixed() bool {
	return m.where != nil && !m.where.Uses("user") && !m.where.Uses("endpoints")
}

// WhereUses reports whether the scope filter looks at the records of an endpoint.
func (m *Mapper) WhereUses(endpoint string) bool {
	return m.where != nil && slices.ContainsFunc(m.where.Paths("endpoints"), func(path []string) bool { return path[0] == endpoint })
}

// Version returns a digest of the definition: records that were mapped under
// another version must be mapped again.
func (m *Mapper) Version() string { return m.version }

// UsesNow reports whether anything depends on the time. Then even an unchanged
// record may map to something else.
func (m *Mapper) UsesNow() bool { return m.usesNow }

// At returns a mapper whose expressions use t as now.
func (m *Mapper) At(t time.Time) *Mapper {
	fixed := *m
	fixed.now = t
	return &fixed
}

// Under returns a mapper that knows what the directory accepts. It chooses among
// several formats one that the directory accepts. An attribute with a value that
// it does not accept is set aside (see ident.Desired), and the others go on.
func (m *Mapper) Under(schema ident.Schema) *Mapper {
	fitted := *m
	fitted.schema = schema
	fitted.attributes = make([]*attribute, len(m.attributes))
	for i, a := range m.attributes {
		in := *a
		in.form = formIn(schema, a.AttributeDef)
		fitted.attributes[i] = &in
	}
	return &fitted
}

// Attributes returns the names of the mapped attributes, spelled as in the
// configuration, in the order of evaluation. They include cn when its default
// applies.
func (m *Mapper) Attributes() []string {
	names := make([]string, len(m.attributes))
	for i, a := range m.attributes {
		names[i] = a.Name
	}
	return names
}

// Uniques returns where the values of attributes must be unique, by name in
// lower case.
func (m *Mapper) Uniques() map[string]Unique {
	uniques := map[string]Unique{}
	for _, a := range m.attributes {
		if a.Unique != UniqueNowhere {
			uniques[text.Lower(a.Name)] = a.Unique
		}
	}
	return uniques
}
