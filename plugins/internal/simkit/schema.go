package simkit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Type is a type of JSON values.
type Type string

// The types. Integers arrive as int64, other numbers as json.Number.
const (
	Any     Type = ""
	Object  Type = "object"
	Array   Type = "array"
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
)

// Schema says which values an operation accepts.
type Schema struct {
	Type     Type
	Required bool               // as a member of an object
	Null     bool               // null is accepted too
	NotEmpty bool               // only non-empty strings, arrays and objects
	Max      int                // characters of a string; 0 is no limit
	Enum     []any              // strings or int64; nil is every value
	Items    *Schema            // of an array
	Members  map[string]Schema  // of an object
	Free     bool               // an object may have other members
	Check    func(v any) string // checks further rules and returns what is wrong, "" for nothing
}

// Violation is one broken rule.
type Violation struct{ Path, Text string }

// Violations are the broken rules of one body. None is nil.
type Violations []Violation

// Error returns the first violation.
func (v Violations) Error() string {
	if len(v) == 0 {
		return "nothing is wrong"
	}
	return v[0].Path + ": " + v[0].Text
}

// Read decodes the body of a request: one JSON object that follows the schema,
// with no repeated member and nothing after it. Unknown members are refused, or
// else ignored and left out of the result.
func (s Schema) Read(body []byte, ignoreUnknown bool) (map[string]any, Violations) {
	v, found := Parse(body)
	if found != nil {
		return nil, found
	}
	members, ok := v.(map[string]any)
	if !ok {
		return nil, Violations{{"body", "must be a JSON object"}}
	}
	s.Type = Object
	c := checker{ignoreUnknown: ignoreUnknown}
	c.object(s, "", members)
	return members, c.found
}

type checker struct {
	ignoreUnknown bool
	found         Violations
}

func (c *checker) add(path, format string, a ...any) {
	c.found = append(c.found, Violation{path, fmt.Sprintf(format, a...)})
}

func (c *checker) object(s Schema, path string, members map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, known := s.Members[name]; known || s.Free {
			continue
		}
		if c.ignoreUnknown {
			delete(members, name)
			continue
		}
		c.add(path+name, "is not allowed")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Members)) {
		member := s.Members[name]
		v, given := members[name]
		switch {
		case given:
			c.value(member, path+name, v)
		case member.Required:
			c.add(path+name, "is required")
		}
	}
}

func (c *checker) value(s Schema, path string, v any) {
	if v == nil && s.Null {
		return
	}
	if s.Type != Any && typeOf(v) != s.Type && (s.Type != Number || typeOf(v) != Integer) {
		c.add(path, "must be %s", s.Type.article())
		return
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		c.add(path, "must be one of %s", list(s.Enum))
		return
	}
	if s.NotEmpty && size(v) == 0 {
		c.add(path, "must not be empty")
		return
	}
	before := len(c.found)
	switch v := v.(type) {
	case string:
		if s.Max > 0 && utf8.RuneCountInString(v) > s.Max {
			c.add(path, "must have at most %d characters", s.Max)
		}
	case []any:
		for i, item := range v {
			if s.Items != nil {
				c.value(*s.Items, fmt.Sprintf("%s[%d]", path, i), item)
			}
		}
	case map[string]any:
		if s.Members != nil {
			c.object(s, path+".", v)
		}
	}
	if s.Check == nil || len(c.found) > before {
		return
	}
	if wrong := s.Check(v); wrong != "" {
		c.add(path, "%s", wrong)
	}
}

func (t Type) article() string {
	if strings.ContainsRune("aio", rune(t[0])) {
		return "an " + string(t)
	}
	return "a " + string(t)
}

func list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 1
}
