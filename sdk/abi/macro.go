package abi

import (
	"slices"
	"strings"
)

// Place says where the text that macro answers will stand, and so how the
// values in it are escaped.
type Place int32

// The places.
const (
	PlaceNone      Place = 0 // plain text: nothing is escaped
	PlacePath      Place = 1 // a segment of a URL's path
	PlaceQuery     Place = 2 // a name or value in a URL's query, written into the path or URL of a request
	PlaceHeader    Place = 3 // the value of a header
	PlaceJSON      Place = 4 // within the quotes of a JSON string
	PlaceJSONValue Place = 5 // a whole JSON value, which keeps its type
	PlaceForm      Place = 6 // a name or value of an application/x-www-form-urlencoded body
	PlaceXML       Place = 7 // text or an attribute's value in XML
)

// String returns the name that the documentation uses.
func (p Place) String() string {
	names := [...]string{"none", "path", "query", "header", "json", "json_value", "form", "xml"}
	if p.Known() {
		return names[p]
	}
	return "unknown"
}

// Known reports whether p is one of the places.
func (p Place) Known() bool { return p >= PlaceNone && p <= PlaceXML }

// Places lists all places by number.
func Places() []Place {
	var all []Place
	for p := PlaceNone; p <= PlaceXML; p++ {
		all = append(all, p)
	}
	return all
}

// Macro is an expression with a name, which administrators use as macros.NAME
// in the application's endpoints and webhooks.
type Macro struct {
	Name        string `toml:"name" json:"name"`             // a lower case letter, then letters, digits and _
	Expression  string `toml:"expression" json:"expression"` // in the agent's language, without {{ }}
	Description string `toml:"description" json:"description,omitempty"`
	Example     string `toml:"example" json:"example,omitempty"` // a value that it may have
}

// Macro returns the macro of a name.
func (m Manifest) Macro(name string) (Macro, bool) {
	i := slices.IndexFunc(m.Macros, func(one Macro) bool { return one.Name == name })
	if i < 0 {
		return Macro{}, false
	}
	return m.Macros[i], true
}

// RootMacros is the root that holds a manifest's own macros.
const RootMacros = "macros"

// FetchRoots lists the names that stand for values in a template of a fetch. As
// in those of an invoke and a check, the password of a new account is never
// among them.
func FetchRoots() []string { return []string{"settings", "now", "last_success", "parent"} }

// InvokeRoots lists the names of an invoke.
func InvokeRoots() []string {
	return []string{"ad", "manager", "old", "change", "link", "links", "steps", "settings", "now"}
}

// CheckRoots lists the names of a check.
func CheckRoots() []string { return []string{"settings", "now"} }

// MacroRoots lists what a manifest may declare under macro_roots.
func MacroRoots() []string {
	all := slices.Concat(FetchRoots(), InvokeRoots(), CheckRoots())
	slices.Sort(all)
	return slices.Compact(all)
}

// maxExpression is the agent's limit for one expression, in bytes.
const maxExpression = 8 << 10

// checkMacros checks the roots and the named macros. Only the agent can compile
// an expression.
func (m Manifest) checkMacros(p problems) {
	known := MacroRoots()
	for i, root := range m.MacroRoots {
		switch in := p.in("macro_roots"); {
		case root == "password":
			in.add("password is never given to a connector")
		case !slices.Contains(known, root):
			in.add("%q is not one of %s", root, strings.Join(known, ", "))
		case slices.Index(m.MacroRoots, root) < i:
			in.add("%q is there twice", root)
		}
	}
	seen := map[string]bool{}
	for _, one := range m.Macros {
		in := p.in("macro %q", one.Name)
		unique(in, seen, one.Name)
		if strings.Contains(one.Name, "-") {
			in.add("a name with - would be a subtraction: use _")
		}
		switch {
		case strings.TrimSpace(one.Expression) == "":
			in.add("expression is missing")
		case len(one.Expression) > maxExpression:
			in.add("expression has %d bytes, more than %d", len(one.Expression), maxExpression)
		}
		if one.Description == "" {
			in.add("description is missing: administrators choose by it")
		}
	}
}
