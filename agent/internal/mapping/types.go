package mapping

import "github.com/rollcall-agent/rollcall/agent/internal/expr"

// Check looks for comparisons of values of unlike types in the expressions.
// fields holds the types of the fields of the records of endpoints, by their names,
// as far as they are known; "" is the one that leads. Each error is an *expr.Error
// with its place.
func (m *Mapper) Check(fields map[string]map[string]FieldType) []error {
	types := m.types(fields)
	var errs []error
	if m.where != nil {
		errs = m.where.CheckCondition(types)
	}
	for _, c := range m.off {
		errs = append(errs, c.expression.CheckCondition(types)...)
	}
	for _, a := range m.attributes {
		for _, t := range a.templates() {
			errs = append(errs, t.Check(types)...)
		}
	}
	if m.ou != nil {
		errs = append(errs, m.ou.Check(types)...)
	}
	for _, g := range m.groups {
		errs = append(errs, g.Check(types)...)
	}
	return errs
}

func (m *Mapper) types(fields map[string]map[string]FieldType) expr.Types {
	attributes, link, settings := map[string]string{}, map[string]string{}, map[string]string{}
	for _, a := range m.attributes {
		attributes[a.Name] = "values"
		if a.single() {
			attributes[a.Name] = string(FieldString)
		}
	}
	for _, name := range linkMembers {
		link[name] = string(FieldString)
	}
	for name, value := range m.settings {
		switch value.(type) {
		case string:
			settings[name] = string(FieldString)
		case bool:
			settings[name] = string(FieldBool)
		case int, int64, float64:
			settings[name] = string(FieldNumber)
		}
	}
	types := expr.Types{"user": {}, "attributes": attributes, "link": link, "settings": settings}
	for endpoint, of := range fields {
		known := map[string]string{}
		for name, is := range of {
			known[name] = string(is)
		}
		if types["endpoints."+endpoint] = known; endpoint == "" {
			types["user"] = known
		}
	}
	return types
}
