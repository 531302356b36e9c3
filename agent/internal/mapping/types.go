package mapping

import "github.com/rollcall-agent/rollcall/agent/internal/expr"

// Check looks for comparisons of values of unlike types in the expressions.
// fields holds the types of the fields of the endpoint's records, as far as they
// are known. Each error is an *expr.Error with its place.
func (m *Mapper) Check(endpoint string, fields map[string]FieldType) []error {
	types := m.types(endpoint, fields)
	var errs []error
	if m.where != nil {
		errs = m.where.CheckCondition(types)
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

func (m *Mapper) types(endpoint string, fields map[string]FieldType) expr.Types {
	user, attributes, link, settings := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for name, is := range fields {
		user[name] = string(is)
	}
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
	return expr.Types{"user": user, "endpoints." + endpoint: user, "attributes": attributes, "link": link, "settings": settings}
}
