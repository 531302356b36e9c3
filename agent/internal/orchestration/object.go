package orchestration

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// derived are the members of an object that are no attributes, and the
// attributes that they come from.
var derived = map[string][]string{
	"dn": nil, "ou": nil, "disabled": {"userAccountControl"},
	"locked": {"userAccountControl", "msDS-User-Account-Control-Computed", "lockoutTime"},
}

// object returns an object as expressions see it: the attributes by the names by
// which the orchestration spells them, and all others in lower case; attributes
// that may have several values as lists; binary values as base64.
func (o *Orchestration) object(name string, e *ident.Entry, schema ident.Schema) map[string]any {
	if e == nil {
		return nil
	}
	out := map[string]any{}
	for attribute, values := range e.Attributes {
		if v, ok := value(attribute, values, schema.Rule(attribute)); ok {
			out[attribute] = v
		}
	}
	for _, spelled := range o.spelled[name] {
		lower := text.Lower(spelled)
		if v, ok := out[lower]; ok && lower != spelled {
			out[spelled] = v
		}
	}
	delete(out, "objectguid")
	out["objectGUID"], out["dn"], out["ou"] = string(e.GUID), string(e.DN), string(e.DN.Parent())
	if sid := e.Attributes.First("objectSid"); sid != "" {
		out["objectSid"] = sid
	}
	out["disabled"], out["locked"] = nil, nil
	if disabled, known := e.Disabled(); known {
		out["disabled"], out["locked"] = disabled, locked(*e)
	}
	return out
}

// lockout is UF_LOCKOUT in msDS-User-Account-Control-Computed (MS-ADTS section
// 2.2.16), which knows when a lockout is over.
const lockout = 0x10

// locked reports whether an account is locked out. Without the computed
// attribute it counts as locked from the lockout until somebody unlocks it or it
// logs on.
func locked(e ident.Entry) bool {
	if flags, err := strconv.ParseInt(e.Attributes.First("msDS-User-Account-Control-Computed"), 10, 64); err == nil {
		return flags&lockout != 0
	}
	at, err := strconv.ParseInt(e.Attributes.First("lockoutTime"), 10, 64)
	return err == nil && at != 0
}

// several are the attributes with several values that directories have, in lower
// case. They are lists when the schema is not known.
var several = []string{
	"directreports", "member", "memberof", "managedobjects", "msds-memberoftransitive", "objectclass", "otherfacsimiletelephonenumber",
	"otherhomephone", "otheripphone", "othermailbox", "othermobile", "otherpager", "othertelephone", "proxyaddresses",
	"serviceprincipalname", "url", "usercertificate", "wwwhomepage",
}

// one are attributes with one value on users and groups, although the schema
// allows several (MS-ADTS section 3.1.1.5.3.2 for description).
var one = []string{"description", "cn", "name"}

// value returns the value of an attribute. ok is false when it has none.
func value(attribute string, values []string, rule ident.AttributeRule) (v any, ok bool) {
	if len(values) == 0 {
		return nil, false
	}
	single := rule.Single || slices.Contains(one, attribute)
	if rule.Syntax == ident.SyntaxAny && !rule.Single {
		single = single || !slices.Contains(several, attribute)
	}
	if single && len(values) == 1 {
		return typed(values[0], rule.Syntax), true
	}
	list := make([]any, len(values))
	for i, s := range values {
		list[i] = typed(s, rule.Syntax)
	}
	return list, true
}

// timeLayouts are the forms of GeneralizedTime that directories answer with.
var timeLayouts = []string{"20060102150405.0Z", "20060102150405Z"}

// typed returns one value of an attribute in the type that its syntax means.
func typed(s string, syntax ident.Syntax) any {
	switch syntax {
	case ident.SyntaxInteger, ident.SyntaxLarge:
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	case ident.SyntaxBoolean:
		if s == "TRUE" || s == "FALSE" {
			return s == "TRUE"
		}
	case ident.SyntaxTime:
		for _, layout := range timeLayouts {
			if at, err := time.Parse(layout, s); err == nil {
				return at
			}
		}
	case ident.SyntaxBytes:
		return base64.StdEncoding.EncodeToString([]byte(s))
	case ident.SyntaxAny, ident.SyntaxText, ident.SyntaxIA5, ident.SyntaxPrintable, ident.SyntaxNumeric, ident.SyntaxDN:
	}
	if !utf8.ValidString(s) {
		return base64.StdEncoding.EncodeToString([]byte(s))
	}
	return s
}
