package sim

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// CustomAttribute is the definition of an attribute that the account has added.
type CustomAttribute struct {
	CreatedAt    string            `json:"createdAt"`
	ModifiedAt   string            `json:"modifiedAt"`
	Name         string            `json:"name"`
	DataType     string            `json:"dataType"`
	ObjectSchema map[string]string `json:"objectSchema,omitempty"` // for LIST_OF_OBJECTS
}

const listOfObjects = "LIST_OF_OBJECTS"

func dataTypes() []string {
	return []string{"STRING", "DECIMAL", "INTEGER", "BOOLEAN", "DATE", "DATE_TIME", listOfObjects}
}

const maxValue = 4096 // characters of a custom attribute's value

// custom checks customAttributes against the definitions.
func (r rules) custom(found *violations, path string, v any) {
	if r.null(found, path, v) {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		found.add(path, "must be an object")
		return
	}
	for _, name := range sortedNames(m) {
		at := path + "." + name
		def, known := r.defined(name)
		switch {
		case !known:
			if r.readings.Is("unknown_attributes", "refused") {
				found.add(at, "Custom attribute is not defined")
			}
		case r.null(found, at, m[name]):
		default:
			if wrong := def.check(m[name]); wrong != "" {
				found.add(at, "%s", wrong)
			}
		}
	}
}

// check checks a value of the attribute.
func (d CustomAttribute) check(v any) string {
	if d.DataType != listOfObjects {
		return checkType(d.DataType, v)
	}
	list, ok := v.([]any)
	if !ok {
		return "must be a list of objects"
	}
	for _, item := range list {
		if wrong := d.checkItem(item); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (d CustomAttribute) checkItem(item any) string {
	m, ok := item.(map[string]any)
	if !ok {
		return "must be a list of objects"
	}
	for _, name := range sortedNames(m) {
		kind, known := d.ObjectSchema[name]
		if !known {
			return "item has the unknown member " + name
		}
		if m[name] == nil {
			continue
		}
		if wrong := checkType(kind, m[name]); wrong != "" {
			return name + " " + wrong
		}
	}
	return ""
}

func checkType(kind string, v any) string {
	switch kind {
	case "STRING":
		return text(maxValue)(v)
	case "BOOLEAN":
		return boolean(v)
	case "DATE":
		return date(v)
	case "DATE_TIME":
		t, ok := v.(string)
		if _, err := time.Parse(timeForm, strings.TrimSuffix(t, "Z")); !ok || err != nil {
			return "must be a time of the form YYYY-MM-DDTHH:MM:SS"
		}
		return ""
	}
	if _, whole := v.(int64); whole {
		return ""
	}
	n, ok := v.(json.Number)
	if !ok || len(n) > maxValue {
		return "must be a number"
	}
	if kind == "INTEGER" {
		if _, ok := new(big.Int).SetString(n.String(), 10); !ok {
			return "must be an integer"
		}
	}
	return ""
}

// definition checks the body of POST /people/2/customAttributes.
func (r rules) definition(m map[string]any) (CustomAttribute, violations) {
	var found violations
	def := CustomAttribute{}
	for _, name := range sortedNames(m) {
		switch name {
		case "name", "dataType", "objectSchema":
		default:
			r.unwanted(&found, name, name == "createdAt" || name == "modifiedAt")
		}
	}
	name, ok := m["name"].(string)
	switch n := utf8.RuneCountInString(name); {
	case m["name"] == nil:
		found.add("name", isMissing)
	case !ok:
		found.add("name", mustBeText)
	case n > 256:
		found.add("name", "size must be between 1 and 256")
	case strings.TrimSpace(name) == "":
		found.add("name", "must not be blank")
	case strings.ContainsAny(name, "{}[]"):
		found.add("name", "must not contain {}[]")
	}
	def.Name = name
	switch kind := m["dataType"]; kind {
	case nil:
		found.add("dataType", isMissing)
	default:
		if wrong := oneOf(dataTypes()...)(kind); wrong != "" {
			found.add("dataType", "%s", wrong)
			break
		}
		def.DataType, _ = kind.(string)
	}
	def.ObjectSchema = objectSchema(&found, m["objectSchema"], def.DataType)
	return def, found
}

func objectSchema(found *violations, v any, dataType string) map[string]string {
	switch {
	case v == nil && dataType == listOfObjects:
		found.add("objectSchema", isMissing)
		return nil
	case v == nil:
		return nil
	case dataType != "" && dataType != listOfObjects:
		found.add("objectSchema", "is for LIST_OF_OBJECTS only")
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		found.add("objectSchema", "must be an object with members")
		return nil
	}
	schema := map[string]string{}
	inner := slices.DeleteFunc(dataTypes(), func(t string) bool { return t == listOfObjects })
	for _, name := range sortedNames(m) {
		if wrong := oneOf(inner...)(m[name]); wrong != "" {
			found.add("objectSchema."+name, "%s", wrong)
			continue
		}
		schema[name] = fmt.Sprint(m[name])
	}
	return schema
}
