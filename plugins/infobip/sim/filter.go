package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// filter reports whether a person is wanted; a nil filter wants everybody.
type filter func(Person) bool

// parseFilter reads the vendor's filter language: JSON with the operators
// #and, #or, #eq and so on. A member without operator means #eq.
func parseFilter(raw string) (filter, error) {
	if raw == "" {
		return nil, nil //nolint:nilnil // an absent filter is valid
	}
	v, err := decode([]byte(raw))
	if err != nil {
		return nil, err
	}
	return clause(v)
}

func clause(v any) (filter, error) {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return nil, errors.New("each clause must be an object with one member")
	}
	for name, operand := range m {
		switch {
		case name == "#and", name == "#or":
			return joined(name, operand)
		case strings.HasPrefix(name, "#"):
			return comparison(name, operand)
		}
	}
	return comparison("#eq", m)
}

func joined(name string, operand any) (filter, error) {
	list, ok := operand.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("%s needs an array of clauses", name)
	}
	var terms []filter
	for _, item := range list {
		t, err := clause(item)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	return func(p Person) bool {
		for _, t := range terms {
			if t(p) != (name == "#and") {
				return name == "#or"
			}
		}
		return name == "#and"
	}, nil
}

// comparison is an operator on one field. The field may lie in an object such
// as customAttributes.
func comparison(op string, operand any) (filter, error) {
	path, want, err := fieldOf(operand)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if len(path) == 0 {
		return nil, fmt.Errorf("%s needs an object with one field", op)
	}
	switch want.(type) {
	case string, int64, json.Number, bool:
	default:
		return nil, fmt.Errorf("%s: the value must be a string, a number or a boolean", op)
	}
	compare, err := operator(op, want)
	if err != nil {
		return nil, err
	}
	none := op == "#ne" || op == "#notContain"
	return func(p Person) bool {
		return slices.ContainsFunc(valuesOf(p, path), compare) != none
	}, nil
}

// operator returns the comparison of a value with want. The comparisons for #ne
// and #notContain report what must not be.
func operator(op string, want any) (func(any) bool, error) {
	text, isText := want.(string)
	texts := func(f func(s, part string) bool) (func(any) bool, error) {
		if !isText {
			return nil, fmt.Errorf("%s: the value must be a string", op)
		}
		return func(v any) bool {
			s, ok := v.(string)
			return ok && f(strings.ToLower(s), strings.ToLower(text))
		}, nil
	}
	order := func(f func(c int) bool) (func(any) bool, error) {
		return func(v any) bool {
			c, ok := compareValues(v, want)
			return ok && f(c)
		}, nil
	}
	switch op {
	case "#eq":
		return order(func(c int) bool { return c == 0 })
	case "#ne":
		return order(func(c int) bool { return c == 0 })
	case "#contains", "#notContain":
		return texts(strings.Contains)
	case "#startsWith":
		return texts(strings.HasPrefix)
	case "#endsWith":
		return texts(strings.HasSuffix)
	case "#gt":
		return order(func(c int) bool { return c > 0 })
	case "#lt":
		return order(func(c int) bool { return c < 0 })
	case "#gte":
		return order(func(c int) bool { return c >= 0 })
	case "#lte":
		return order(func(c int) bool { return c <= 0 })
	}
	return nil, fmt.Errorf("unknown operator %s", op)
}

// fieldOf reads {"customAttributes":{"Department":"Ops"}} as a path and a value.
func fieldOf(operand any) (path []string, value any, err error) {
	for {
		m, ok := operand.(map[string]any)
		if !ok {
			return path, operand, nil
		}
		if len(m) != 1 {
			return nil, nil, errors.New("needs an object with one field")
		}
		for name, v := range m {
			if len(path) == 0 && !filterable(name) {
				return nil, nil, fmt.Errorf("unknown field %s", name)
			}
			path, operand = append(path, name), v
		}
	}
}

func filterable(name string) bool {
	for _, a := range standard() {
		if a.name == name {
			return true
		}
	}
	switch name {
	case "id", "createdAt", "modifiedAt", "origin", "modifiedFrom", "tags", "customAttributes", "contactInformation":
		return true
	}
	return false
}

// valuesOf returns the values of a person at a path. An attribute without value
// has none, a list has several.
func valuesOf(p Person, path []string) []any {
	for _, a := range standard() {
		if a.name == path[0] {
			return texts(path[1:], *a.of(&p))
		}
	}
	switch path[0] {
	case "id":
		return valuesAt(p.ID, path[1:])
	case "createdAt":
		return texts(path[1:], p.CreatedAt)
	case "modifiedAt":
		return texts(path[1:], p.ModifiedAt)
	case "origin":
		return texts(path[1:], p.Origin)
	case "modifiedFrom":
		return texts(path[1:], p.ModifiedFrom)
	case "tags":
		return texts(path[1:], p.Tags...)
	case "customAttributes":
		return valuesAt(p.CustomAttributes, path[1:])
	}
	switch strings.Join(path, ".") {
	case "contactInformation.phone.number":
		return texts(nil, p.phones()...)
	case "contactInformation.email.address":
		return texts(nil, p.emails()...)
	}
	return nil
}

// texts holds strings that are not empty; they have no members.
func texts(inside []string, values ...string) (list []any) {
	for _, v := range values {
		if v != "" && len(inside) == 0 {
			list = append(list, v)
		}
	}
	return list
}

func valuesAt(v any, path []string) []any {
	if list, ok := v.([]any); ok {
		var all []any
		for _, item := range list {
			all = append(all, valuesAt(item, path)...)
		}
		return all
	}
	if len(path) == 0 {
		return []any{v}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	inner, ok := m[path[0]]
	if !ok {
		return nil
	}
	return valuesAt(inner, path[1:])
}

// compareValues compares numbers as numbers, and strings, including dates, as
// strings.
func compareValues(a, b any) (int, bool) {
	if m, ok := numeric(a); ok {
		n, ok := numeric(b)
		if !ok {
			return 0, false
		}
		return m.Cmp(n), true
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, ok
	}
	return 0, false
}

func numeric(v any) (*big.Float, bool) {
	switch n := v.(type) {
	case int64:
		return new(big.Float).SetInt64(n), true
	case json.Number:
		return new(big.Float).SetString(n.String())
	}
	return nil, false
}
