package memory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// filter is a compiled search filter. An attribute that is not in the schema
// has no value: Samba has only two truth values, where RFC 4511 has three.
type filter func(*Domain, *object) bool

// compile reads a filter in the form that the client's library encodes for the
// wire.
func compile(source string) (filter, error) {
	packet, err := ldap.CompileFilter(source)
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", source, err)
	}
	return compiled(packet)
}

func compiled(p *ber.Packet) (filter, error) {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		return combined(p)
	case ldap.FilterPresent:
		name := ber.DecodeString(p.Data.Bytes())
		return func(d *Domain, o *object) bool {
			if text.Same(name, "objectClass") {
				return true
			}
			return len(d.texts(o, name)) > 0
		}, nil
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch:
		return equality(content(p, 0), content(p, 1)), nil
	case ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		return order(content(p, 0), content(p, 1), p.Tag == ldap.FilterGreaterOrEqual), nil
	case ldap.FilterSubstrings:
		return substrings(content(p, 0), p.Children[1].Children), nil
	case ldap.FilterExtensibleMatch:
		return extensible(p)
	}
	return nil, fmt.Errorf("filter of the kind %d is not known", p.Tag)
}

func content(p *ber.Packet, i int) string { return ber.DecodeString(p.Children[i].Data.Bytes()) }

func combined(p *ber.Packet) (filter, error) {
	var parts []filter
	for _, child := range p.Children {
		part, err := compiled(child)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return func(d *Domain, o *object) bool {
		switch p.Tag {
		case ldap.FilterNot:
			return !parts[0](d, o)
		case ldap.FilterAnd:
			return !slices.ContainsFunc(parts, func(part filter) bool { return !part(d, o) })
		}
		return slices.ContainsFunc(parts, func(part filter) bool { return part(d, o) })
	}, nil
}

// equality compares by the syntax of the attribute. What does not depend on the
// object is found out once, because a filter lives for one search.
func equality(name, want string) filter {
	var compare filter
	return func(d *Domain, o *object) bool {
		if compare == nil {
			compare = d.equality(text.Lower(name), want)
		}
		return compare(d, o)
	}
}

func (d *Domain) equality(name, want string) filter {
	a := d.schema.rule(name)
	if a == nil {
		return func(*Domain, *object) bool { return false }
	}
	switch name {
	case "objectguid":
		lower, guid := text.Lower(want), string(guidOf(want))
		return func(_ *Domain, o *object) bool { return string(o.guid) == lower || string(o.guid) == guid }
	case "objectcategory":
		want = d.category(want)
	case "objectsid":
		want = sidOf(want)
	}
	if a.reference() {
		to := d.find(ident.DN(want))
		return func(d *Domain, o *object) bool { return to != nil && d.refersTo(o, a, to) }
	}
	folded := a.fold(want)
	return func(d *Domain, o *object) bool {
		return slices.ContainsFunc(d.texts(o, name), func(have string) bool { return have == want || a.fold(have) == folded })
	}
}

// refersTo reports whether an attribute of o holds a reference to another one.
func (d *Domain) refersTo(o *object, a *attributeRule, to *object) bool {
	for _, v := range d.references(o, a) {
		if v == to {
			return true
		}
	}
	return false
}

// category converts the name of a class to its category, as in
// (objectCategory=person).
func (d *Domain) category(want string) string {
	if strings.Contains(want, "=") {
		return want
	}
	if c := classOf([]string{want}); c != nil {
		return "CN=" + c.category + "," + string(d.schemaBase())
	}
	return "CN=" + want + "," + string(d.schemaBase())
}

func guidOf(bytes string) ident.GUID {
	guid, err := ident.GUIDFromBytes([]byte(bytes))
	if err != nil {
		return "-" // matches nothing
	}
	return guid
}

func order(name, want string, greater bool) filter {
	return func(d *Domain, o *object) bool {
		limit, err := strconv.ParseInt(want, 10, 64)
		for _, have := range d.texts(o, name) {
			n, nerr := strconv.ParseInt(have, 10, 64)
			numbers := err == nil && nerr == nil
			switch {
			case numbers && n == limit, numbers && (n > limit) == greater:
				return true
			case !numbers && (fold(have) == fold(want) || (fold(have) > fold(want)) == greater):
				return true
			}
		}
		return false
	}
}

func substrings(name string, parts []*ber.Packet) filter {
	return func(d *Domain, o *object) bool {
		for _, have := range d.texts(o, name) {
			if matches(text.Lower(have), parts) {
				return true
			}
		}
		return false
	}
}

func matches(rest string, parts []*ber.Packet) bool {
	for _, part := range parts {
		want := text.Lower(ber.DecodeString(part.Data.Bytes()))
		i := strings.Index(rest, want)
		switch part.Tag {
		case ldap.FilterSubstringsInitial:
			if i != 0 {
				return false
			}
		case ldap.FilterSubstringsFinal:
			return strings.HasSuffix(rest, want)
		}
		if i < 0 {
			return false
		}
		rest = rest[i+len(want):]
	}
	return true
}

// The matching rules of AD (MS-ADTS section 3.1.1.3.4.4).
const (
	ruleAllBits = "1.2.840.113556.1.4.803"
	ruleAnyBit  = "1.2.840.113556.1.4.804"
)

func extensible(p *ber.Packet) (filter, error) {
	var rule, name, want string
	for _, child := range p.Children {
		content := ber.DecodeString(child.Data.Bytes())
		switch child.Tag {
		case ldap.MatchingRuleAssertionMatchingRule:
			rule = content
		case ldap.MatchingRuleAssertionType:
			name = content
		case ldap.MatchingRuleAssertionMatchValue:
			want = content
		}
	}
	mask, err := strconv.ParseInt(want, 10, 64)
	if err != nil || rule != ruleAllBits && rule != ruleAnyBit {
		return nil, fmt.Errorf("filter with the matching rule %q is not known", rule)
	}
	return func(d *Domain, o *object) bool {
		for _, have := range d.texts(o, name) {
			n, err := strconv.ParseInt(have, 10, 64)
			if err == nil && (rule == ruleAllBits && n&mask == mask || rule == ruleAnyBit && n&mask != 0) {
				return true
			}
		}
		return false
	}, nil
}
