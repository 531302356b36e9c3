package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// DerivedDef defines a field of a record that is computed from its other fields.
// It replaces a field of the same name that the application delivers.
type DerivedDef struct {
	Name  string
	Type  FieldType
	Value expr.Source // a bare expression with user in scope
}

// FieldType is the JSON type of a field.
type FieldType string

// The types of fields.
const (
	FieldString  FieldType = "string"
	FieldInt     FieldType = "int"
	FieldNumber  FieldType = "number"
	FieldBool    FieldType = "bool"
	FieldTime    FieldType = "time" // a time, or a text that contains one
	FieldObject  FieldType = "object"
	FieldStrings FieldType = "strings"
	FieldObjects FieldType = "objects"
)

// derived is a compiled DerivedDef.
type derived struct {
	DerivedDef
	endpoint   string // that delivers the other fields; "" is the one that leads
	expression *expr.Expression
}

// Deriving returns a mapper that computes the given fields of the records of an
// endpoint, as far as it uses them, instead of expecting them in records; "" is the
// endpoint that leads. Its Fields then list the fields that they are computed from.
// Deriving returns every mistake that it finds in the fields in use, each an
// *expr.Error; it does not check the others.
func (m *Mapper) Deriving(endpoint string, defs []DerivedDef) (*Mapper, []error) {
	names := map[string]bool{}
	for _, d := range defs {
		names[d.Name] = true
	}
	used := m.fields[endpoint]
	fields := slices.DeleteFunc(slices.Clone(used), func(name string) bool { return names[name] })
	if len(fields) == len(used) {
		return m, nil
	}
	out := *m
	out.derived, out.fields = slices.Clone(m.derived), maps.Clone(m.fields)
	var errs []error
	scope := expr.NewScope("user")
	for _, def := range defs {
		if !slices.Contains(used, def.Name) {
			continue
		}
		d, reads, err := m.derive(scope, def, names)
		d.endpoint = endpoint
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out.derived = append(out.derived, d)
		fields = append(fields, reads...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	slices.Sort(fields)
	out.fields[endpoint] = slices.Compact(fields)
	out.version = derivedVersion(m.version, out.derived)
	return &out, nil
}

// derive compiles one field and returns the fields that it reads.
func (m *Mapper) derive(scope expr.Scope, def DerivedDef, names map[string]bool) (derived, []string, error) {
	refuse := func(hint, format string, args ...any) (derived, []string, error) {
		return derived{}, nil, &expr.Error{Pos: def.Value.Pos, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	if def.Name == m.primary {
		return refuse("choose a field that the application delivers",
			"the primary key cannot be derived: records are told apart before anything is computed")
	}
	e, err := scope.Compile(def.Value)
	if err != nil {
		return derived{}, nil, err
	}
	if e.Volatile() {
		return refuse("", "it would be another value each time")
	}
	reads := e.Fields("user")
	for _, name := range reads {
		switch {
		case name == expr.Every:
			return refuse("", "user is used as a whole; name a field: user.NAME")
		case names[name]:
			return refuse("write what that one is made of", "user.%s is derived itself", name)
		}
	}
	return derived{DerivedDef: def, expression: e}, reads, nil
}

// derivedVersion returns the version of a mapping whose records have these
// computed fields.
func derivedVersion(version string, all []derived) string {
	parts := []string{version}
	for _, d := range all {
		parts = append(parts, d.name(), string(d.Type), d.Value.Text)
	}
	slices.Sort(parts[1:])
	b, _ := json.Marshal(parts) // texts can always be encoded
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Derive returns rec with the fields that the mapper computes. rec itself stays
// unchanged. A field is absent when its expression needs an absent one, and null
// when its result is null. An *Error is about the record, which must be
// quarantined.
func (m *Mapper) Derive(rec ident.Record) (ident.Record, error) {
	if len(m.derived) == 0 {
		return rec, nil
	}
	out := rec
	var err error
	if out.Fields, err = m.deriveOf("", rec.Fields); err != nil {
		return rec, err
	}
	if len(rec.Joined) > 0 {
		out.Joined = maps.Clone(rec.Joined)
	}
	for _, endpoint := range slices.Sorted(maps.Keys(rec.Joined)) {
		if out.Joined[endpoint], err = m.deriveOf(endpoint, rec.Joined[endpoint]); err != nil {
			return rec, err
		}
	}
	return out, nil
}

// deriveOf returns the fields of an endpoint's record with those that are computed.
func (m *Mapper) deriveOf(endpoint string, fields map[string]any) (map[string]any, error) {
	env, copied := expr.Env{"user": fields}, false
	for _, d := range m.derived {
		if d.endpoint != endpoint {
			continue
		}
		v, present, err := d.eval(env)
		if err != nil {
			return nil, err
		}
		if !copied {
			own := make(map[string]any, len(fields)+len(m.derived))
			maps.Copy(own, fields)
			fields, copied = own, true
		}
		if present {
			fields[d.Name] = v
		} else {
			delete(fields, d.Name)
		}
	}
	return fields, nil
}

// name is the field as expressions name it, without "user." or "endpoints.".
func (d derived) name() string {
	if d.endpoint == "" {
		return d.Name
	}
	return d.endpoint + "." + d.Name
}

func (d derived) eval(env expr.Env) (value any, present bool, err error) {
	v, err := d.expression.Eval(env)
	name := "user." + d.Name
	if d.endpoint != "" {
		name = "endpoints." + d.endpoint + "." + d.Name
	}
	e := &Error{
		Attribute: name, Pos: d.Value.Pos,
		Next: "the connector computes " + name + ": correct the record at the source, or have the connector corrected",
	}
	if err != nil {
		e.take(err)
		return nil, false, e
	}
	switch {
	case v.State == expr.Absent || v.Missing != "":
		return nil, false, nil
	case v.V == nil:
		return nil, true, nil
	case !d.Type.holds(v.V):
		e.Cause = fmt.Sprintf("the expression gives %s, and the connector says that it is of type %s", shown(v), d.Type)
		return nil, false, e
	}
	return v.V, true, nil
}

// shown returns a value for messages, shortened.
func shown(v expr.Value) string {
	const longest = 40
	text := []rune(v.Text())
	if len(text) > longest {
		text = append(text[:longest], '…')
	}
	return fmt.Sprintf("%q", string(text))
}

// holds reports whether a value has that type.
func (t FieldType) holds(v any) bool {
	switch v := v.(type) {
	case string:
		return t == FieldString || t == FieldTime
	case int:
		return t == FieldInt || t == FieldNumber
	case float64:
		return t == FieldNumber || t == FieldInt && v == float64(int64(v))
	case bool:
		return t == FieldBool
	case time.Time:
		return t == FieldTime
	case map[string]any:
		return t == FieldObject
	case []any:
		return t == FieldStrings && !slices.ContainsFunc(v, isNot[string]) ||
			t == FieldObjects && !slices.ContainsFunc(v, isNot[map[string]any])
	}
	return false
}

func isNot[T any](v any) bool {
	_, is := v.(T)
	return !is
}
