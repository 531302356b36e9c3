package ident

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

//go:embed usual.txt
var usualText string

// UsualSchema returns what AD's own schema says about the attributes of user
// accounts. It is for checks without a connection: a directory can extend its
// schema, and what it says itself comes first.
func UsualSchema() Schema { return accountSchema().schema }

// WritableAttributes lists the attributes of UsualSchema that can be written,
// spelled as in AD.
func WritableAttributes() []string { return accountSchema().writable }

// Spelled returns the name of an attribute as AD spells it, or as it is if it is not one
// of AD's own.
func Spelled(attribute string) string {
	return cmp.Or(accountSchema().spelled[text.Lower(attribute)], attribute)
}

// accountRules is the content of usual.txt.
type accountRules struct {
	schema   Schema
	writable []string
	spelled  map[string]string // by name in lower case
}

// accountSchema reads usual.txt once. Faults in it are found by a test: a line that
// cannot be read would be a rule that knows nothing.
var accountSchema = sync.OnceValue(func() accountRules {
	u := accountRules{schema: Schema{}, spelled: map[string]string{}}
	for _, name := range slices.Concat(usual[ObjectUser], usual[ObjectGroup]) {
		u.spelled[text.Lower(name)] = name
	}
	for line := range strings.Lines(usualText) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(f) != 6 {
			continue
		}
		rule := AttributeRule{
			Syntax: usualSyntaxes[f[1]], Single: f[2] == "1" || text.Same(f[0], singleOfAccounts),
			Lower: usualBound(f[3]), Upper: usualBound(f[4]),
		}
		switch end, isBacklink := strings.CutPrefix(f[5], "of:"); {
		case isBacklink:
			rule.Unusable, rule.Next = Backlink(end)
			rule.Unread = true
		case f[5] == "computed":
			rule.Unusable, rule.Next = Computed()
			rule.Unread = true
		case f[5] == "system":
			rule.Unusable, rule.Next = SystemOnly()
		default:
			u.writable = append(u.writable, f[0])
		}
		u.schema[text.Lower(f[0])], u.spelled[text.Lower(f[0])] = rule, f[0]
	}
	return u
})

var usualSyntaxes = map[string]Syntax{
	"text": SyntaxText, "ascii": SyntaxIA5, "printable": SyntaxPrintable, "digits": SyntaxNumeric, "integer": SyntaxInteger,
	"large": SyntaxLarge, "boolean": SyntaxBoolean, "time": SyntaxTime, "dn": SyntaxDN, "bytes": SyntaxBytes,
}

func usualBound(s string) *int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// singleOfAccounts may have several values by the schema, but only one in an
// account (MS-ADTS section 3.1.1.5.3.2).
const singleOfAccounts = "description"

// SingleOfAccounts reports whether accounts have one value of the attribute at
// most, although the schema allows several.
func SingleOfAccounts(attribute string) bool { return text.Same(attribute, singleOfAccounts) }

// BacklinkOf returns the attribute at the other end of a backlink of AD's own
// schema; "" when it is not known.
func BacklinkOf(attribute string) string {
	for line := range strings.Lines(usualText) {
		f := strings.Fields(line)
		if len(f) != 6 || !text.Same(f[0], attribute) {
			continue
		}
		if end, isBacklink := strings.CutPrefix(f[5], "of:"); isBacklink {
			return end
		}
	}
	return ""
}

const another = "map another attribute"

// Computed says why nobody can write an attribute that each domain controller
// computes, and what to do.
func Computed() (why, next string) { return "is computed by each domain controller", another }

// SystemOnly says why nobody can write an attribute with systemOnly.
func SystemOnly() (why, next string) { return "is written by the directory itself only", another }

// Backlink says why nobody can write the other end of a link; end is the
// attribute that is written, "" when its name is not known.
func Backlink(end string) (why, next string) {
	if end == "" || end == "-" {
		return "is a backlink, which is computed by each domain controller", another
	}
	return fmt.Sprintf("is the backlink of %s and computed by each domain controller", end),
		fmt.Sprintf("map %s of those who are to show up in it", end)
}
