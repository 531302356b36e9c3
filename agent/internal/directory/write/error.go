package write

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Kind classifies an Error for the caller's decision.
type Kind string

// The kinds of failures. Except for Unknown, nothing was written, or
// Error.Done says what was.
const (
	Stale       Kind = "stale"        // an old value no longer holds
	OutOfScope  Kind = "out of scope" // the object, or its destination
	Protected   Kind = "protected"    // privileged, built in, or the agent's own account
	NameTaken   Kind = "name taken"   // another object has the DN
	ValueTaken  Kind = "value taken"  // another object has a value that must be unique
	NoParent    Kind = "no parent"    // the container does not exist
	NotFound    Kind = "not found"    // the object does not exist, or is not visible
	Denied      Kind = "denied"       // the agent's account lacks a right
	Policy      Kind = "policy"       // the domain's password policy
	Invalid     Kind = "invalid"      // a value that AD does not accept
	Unknown     Kind = "unknown"      // sent, but no answer came: the result must be looked up
	Unavailable Kind = "unavailable"  // the directory cannot be reached; what failed was not carried out
)

// Error reports an operation that was not carried out, or only in part.
type Error struct {
	Kind      Kind
	Op        ident.Class
	DN        ident.DN
	Attribute string   // of Stale, ValueTaken and Invalid
	Expected  []string // of Stale
	Found     []string // of Stale
	Code      int      // LDAP result code; 0 if the server was not asked
	// Done is the part that was carried out before the rest failed. It is
	// "disable" or "enable" if the move that belongs to it failed, "groups" if
	// some were joined, and "update" or "create" if it was carried out,
	// possibly without the attributes in Refused.
	Done ident.Class
	// Changed lists the groups that were joined or left before one failed.
	Changed []ident.DN
	// Refused lists the attributes that an update or a create lacks. If no
	// part of an update was carried out, it lists all of its attributes.
	Refused []Refusal
	Cause   string
	Common  string // Cause without what the server says of this object; "" is the same
	Next    string // what the operator should do
	Err     error  // from package conn; nil if the server was not asked
}

// Error returns what failed, why, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		fmt.Fprintf(&b, "%s ", e.Op)
	}
	fmt.Fprintf(&b, "%q: %s", e.DN, e.Cause)
	if e.Done != "" {
		fmt.Fprintf(&b, " (%s was carried out)", e.Done)
	}
	if e.Next != "" {
		b.WriteString("; next: " + e.Next)
	}
	return b.String()
}

// Unwrap returns the answer of the server.
func (e *Error) Unwrap() error { return e.Err }

func outOfScope(class ident.Class, dn ident.DN) *Error {
	return &Error{
		Kind: OutOfScope, Op: class, DN: dn, Cause: fmt.Sprintf("%s is outside the scope of [directory]", dn),
		Next: "correct the place, or add its OU to scope",
	}
}

func invalid(class ident.Class, dn ident.DN, cause, next string) *Error {
	return &Error{Kind: Invalid, Op: class, DN: dn, Cause: cause, Next: next}
}

func stale(class ident.Class, dn ident.DN, attribute string, expected, found []string) *Error {
	return &Error{
		Kind: Stale, Op: class, DN: dn, Attribute: attribute, Expected: expected, Found: found,
		Cause: fmt.Sprintf("%s has changed since the plan was made: expected %s, found %s", attribute, list(expected), list(found)),
		Next:  "the next run plans it anew",
	}
}

// list formats values for people, limited to a few of them.
func list(values []string) string {
	const most, longest = 4, 80
	if len(values) == 0 {
		return "nothing"
	}
	var out []string
	for _, v := range values[:min(len(values), most)] {
		if runes := []rune(v); len(runes) > longest {
			v = string(runes[:longest]) + "..."
		}
		out = append(out, fmt.Sprintf("%q", v))
	}
	if more := len(values) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// These Windows codes distinguish failures that share a result code.
const (
	dataPasswordPolicy = "0000052D" // ERROR_PASSWORD_RESTRICTION
	dataNoSuchRefer    = "000020B5" // ERROR_DS_NAME_REFERENCE_INVALID
)

// verdict explains one answer of the server.
type verdict struct {
	kind        Kind
	cause, next string
}

// byCode maps result codes to their explanations (RFC 4511 section 4.1.9).
var byCode = map[int]verdict{
	ldap.LDAPResultNoSuchAttribute: {
		Invalid, "the directory does not know the attribute, or it has no such value", "check the attribute's name in the mapping",
	},
	ldap.LDAPResultUndefinedAttributeType: {
		Invalid, "the directory's schema does not have the attribute", "check the attribute's name in the mapping",
	},
	ldap.LDAPResultConstraintViolation: {
		Invalid, "a value breaks a rule of the directory",
		"check the attribute's values in the mapping: length, and one value only where one is allowed",
	},
	ldap.LDAPResultAttributeOrValueExists: {
		Invalid, "the attribute takes one value only, and each value once", "check the attribute's values in the mapping",
	},
	ldap.LDAPResultInvalidAttributeSyntax: {
		Invalid, "a value does not fit its attribute: too long, empty or of another form", "check the attribute's values in the mapping",
	},
	ldap.LDAPResultNoSuchObject: {
		NotFound, "the object does not exist or is not visible to the agent's account",
		"the next run plans it anew; check that the agent's account may read it",
	},
	ldap.LDAPResultInvalidDNSyntax: {
		Invalid, "the name is not one that the directory accepts", "give cn another format in the mapping",
	},
	ldap.LDAPResultInsufficientAccessRights: {
		Denied, "the agent's account lacks the right",
		"delegate it on that OU: create, delete and full control of user objects, and write members on groups",
	},
	ldap.LDAPResultBusy:        {Unavailable, "the domain controller is busy", "it is tried again with the next run"},
	ldap.LDAPResultUnavailable: {Unavailable, "the domain controller is not available", "it is tried again with the next run"},
	ldap.LDAPResultOperationsError: {
		Unavailable, "the domain controller cannot work now",
		"look into the event log of the domain controller; it is tried again with the next run",
	},
	ldap.LDAPResultUnwillingToPerform: {
		Invalid, "the domain controller refuses the change", "see its message; a value or the state of the account does not allow it",
	},
	ldap.LDAPResultNamingViolation:      {Invalid, "the object may not be in that container", "choose an organizational unit in ou"},
	ldap.LDAPResultObjectClassViolation: {Invalid, "the attribute does not belong to user accounts", "take it out of the mapping"},
	ldap.LDAPResultNotAllowedOnRDN:      {Invalid, "the attribute is part of the name and is changed by a rename only", "map cn instead"},
	ldap.LDAPResultNotAllowedOnNonLeaf: {
		Invalid, "other objects are below the account", "look at them, and move or delete them by hand",
	},
	ldap.LDAPResultEntryAlreadyExists: {NameTaken, "another object has that name", "give cn a further format that tells the two apart"},
}

// fail explains an error of package conn.
func (w *Writer) fail(class ident.Class, dn ident.DN, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return err
	}
	e := &Error{Kind: Invalid, Op: class, DN: dn, Err: err, Cause: err.Error()}
	var answer *conn.Error
	if !errors.As(err, &answer) {
		return e
	}
	e.Code, e.Next = answer.Code, answer.Hint
	switch {
	case answer.Unknown:
		e.Kind, e.Next = Unknown, "the object is read before anything else is done with it"
		return e
	case answer.Op == "connect" || answer.Op == "bind" || errors.Is(err, conn.ErrUnavailable):
		e.Kind = Unavailable
		return e
	case answer.Data == dataPasswordPolicy: // result code 19 from Samba, 53 from Windows
		e.explain(answer, verdict{
			Policy, "the password does not meet the domain's password policy",
			"raise length in password of the automation, or see the policy: net accounts /domain",
		})
	case answer.Data == dataNoSuchRefer:
		e.explain(answer, verdict{Invalid, "a value names an object that does not exist", "check attributes that hold a DN, such as manager"})
	default:
		v, known := byCode[answer.Code]
		if !known {
			v = verdict{Invalid, "the domain controller refuses the change", "see its message"}
		}
		e.explain(answer, v)
	}
	return e
}

func (e *Error) explain(answer *conn.Error, v verdict) {
	e.Kind, e.Next = v.kind, v.next
	e.Cause = fmt.Sprintf("%s: %v", v.cause, answer.Err)
	e.Common = fmt.Sprintf("%s (LDAP result code %d)", v.cause, answer.Code)
}
