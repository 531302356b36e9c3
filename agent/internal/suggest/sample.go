package suggest

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// mostFields bounds what is remembered of an answer.
const mostFields = 400

// Sample counts what the fields of records hold, in memory that does not grow with
// them. The zero Sample is ready.
type Sample struct {
	all    int
	fields map[string]*Seen
}

// Add counts a record. A report that somebody was deleted has no fields, and an
// attachment belongs to a record that is counted by itself.
func (s *Sample) Add(r ident.Record) {
	if r.Deleted {
		return
	}
	if !r.Partial {
		s.all++
	}
	if s.fields == nil {
		s.fields = map[string]*Seen{}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		f := s.fields[name]
		if f == nil {
			if len(s.fields) >= mostFields {
				continue
			}
			f = &Seen{Name: name}
			s.fields[name] = f
		}
		if kind := typeOf(r.Fields[name]); kind != "" {
			f.Records++
			switch {
			case f.Type == "":
				f.Type = kind
			case f.Type != kind:
				f.Type = abi.TypeString // of several kinds: as text it is never wrong
			}
		}
	}
}

// Seen lists the fields in the order of their names.
func (s *Sample) Seen() []Seen {
	var out []Seen
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		f := *s.fields[name]
		f.All = s.all
		if f.Type == "" {
			f.Type = abi.TypeString
		}
		out = append(out, f)
	}
	return out
}

// typeOf returns the type of a value; "" for null and for what is empty.
func typeOf(v any) abi.AttributeType {
	switch v := v.(type) {
	case string:
		if v != "" {
			return abi.TypeString
		}
	case bool:
		return abi.TypeBool
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return abi.TypeInt
		}
		return abi.TypeNumber
	case float64, int, int64:
		return abi.TypeInt
	case []any:
		if len(v) > 0 {
			return abi.TypeObjects
		}
	case map[string]any:
		if len(v) > 0 {
			return abi.TypeObject
		}
	}
	return ""
}
