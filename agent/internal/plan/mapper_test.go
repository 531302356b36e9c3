package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// attributeRule is what a mapping says about one attribute beside its value.
type attributeRule struct {
	apply          ident.Apply
	add, directory bool
	reference      bool // its values are keys
	part, empties  bool // of a reference: a key without an account counts as null, which empties
	asIs           bool // cn: whoever has the name
	unique         mapping.Unique
	source         string
}

// fakeMapper maps a record's field to the attribute of that name. Field ou is
// the place, groups the groups; cn is name, or "name (key)" where that is taken.
type fakeMapper struct{ rules map[string]attributeRule }

var errMapping = errors.New("mail: user.email is not an address")

func (m *fakeMapper) Derive(rec ident.Record) (ident.Record, error) {
	if rec.Fields["underivable"] != nil {
		return rec, errMapping
	}
	return rec, nil
}

func (m *fakeMapper) InScope(rec ident.Record) (bool, error) {
	active, ok := rec.Fields["active"].(bool)
	if !ok {
		return false, errors.New("where: user.active is absent")
	}
	return active, nil
}

func (m *fakeMapper) MatchValues(rec ident.Record, attributes []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, a := range attributes {
		if v, ok := rec.Fields[a].(string); ok && v != "" {
			out[a] = []string{v}
		}
		if rec.Fields[a] == "unmatchable" {
			return nil, errMapping
		}
	}
	if len(out) == 0 && len(attributes) > 0 {
		return nil, &mapping.Error{Attribute: attributes[0], Cause: "no value", Next: "complete the record"}
	}
	return out, nil
}

func (m *fakeMapper) Map(rec ident.Record, current *ident.Entry, _ *ident.Link, names mapping.Names) (ident.Desired, error) {
	d := ident.Desired{Key: rec.Key, Parent: staff, Groups: []ident.DN{}}
	if ou, ok := rec.Fields["ou"].(ident.DN); ok {
		d.Parent = ou
	}
	var self ident.GUID
	if current != nil {
		self = current.GUID
	}
	for _, field := range slices.Sorted(maps.Keys(rec.Fields)) {
		switch v := rec.Fields[field].(type) {
		case ident.DN: // ou, see above
		case ident.Off:
			d.Off = v
		case []ident.DN:
			d.Groups = v
		case []string:
			d.Attributes = append(d.Attributes, m.attribute(field, v))
		case nil:
			a := m.attribute(field, nil)
			a.Clear = true
			d.Attributes = append(d.Attributes, a)
		case string:
			a := m.attribute(field, []string{v})
			switch unique := m.rules[field].unique; {
			case v == "unmappable":
				return d, errMapping
			case field == "cn" && !m.rules[field].asIs:
				cn, err := m.commonName(rec, v, d.Parent, current, names)
				if err != nil {
					return d, err
				}
				a.Values = []string{cn}
			case unique != "":
				holder, taken, err := names.Holder(field, v, unique, d.Parent, self, rec.Key)
				if err != nil {
					return d, errMapping // a mapping that loses the cause
				}
				if taken {
					return d, fmt.Errorf("%s: %s belongs to %s", field, v, holder)
				}
				names.Reserve(field, v, unique, d.Parent, rec.Key)
			}
			d.Attributes = append(d.Attributes, a)
		}
	}
	slices.SortFunc(d.Attributes, func(a, b ident.DesiredAttribute) int { return cmp.Compare(a.Name, b.Name) })
	return d, nil
}

func (m *fakeMapper) attribute(name string, values []string) ident.DesiredAttribute {
	r := m.rules[name]
	return ident.DesiredAttribute{
		Name: name, Values: values, Apply: cmp.Or(r.apply, ident.ApplyAlways), Add: r.add, Reference: r.reference,
		AbsentIsNull: r.part, Empties: r.empties, Directory: r.directory, Source: cmp.Or(r.source, "{{ trim(user."+name+") }}"),
	}
}

func (m *fakeMapper) commonName(rec ident.Record, name string, parent ident.DN, current *ident.Entry, names mapping.Names) (string, error) {
	candidates := []string{name, fmt.Sprintf("%s (%s)", name, rec.Key)}
	var self ident.GUID
	if current != nil {
		self = current.GUID
		if own := current.DN.Name(); slices.Contains(candidates, own) {
			if sameDN(current.DN.Parent(), parent) {
				return own, nil
			}
			candidates = append([]string{own}, candidates...) // is it free where it goes?
		}
	}
	for _, cn := range candidates {
		_, taken, err := names.Holder("cn", cn, mapping.UniqueContainer, parent, self, rec.Key)
		if err != nil {
			return "", err
		}
		if !taken {
			names.Reserve("cn", cn, mapping.UniqueContainer, parent, rec.Key)
			return cn, nil
		}
	}
	return "", fmt.Errorf("cn: every format of %q is taken", name)
}
