package ident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MarshalJSON writes values that are not text in base64, as JSON cannot hold them.
func (p EventPart) MarshalJSON() ([]byte, error) {
	type plain EventPart
	if isText(p.Old) && isText(p.New) {
		return marshal(plain(p))
	}
	return marshal(struct {
		plain
		Binary bool     `json:"binary"`
		Old    [][]byte `json:"old,omitempty"`
		New    [][]byte `json:"new,omitempty"`
	}{plain(p), true, toBytes(p.Old), toBytes(p.New)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *EventPart) UnmarshalJSON(data []byte) error {
	type plain EventPart
	var in struct {
		plain
		Binary bool            `json:"binary"`
		Old    json.RawMessage `json:"old"`
		New    json.RawMessage `json:"new"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("part of an event: %w", err)
	}
	*p = EventPart(in.plain)
	var err error
	if p.Old, err = readValues(in.Old, in.Binary); err == nil {
		p.New, err = readValues(in.New, in.Binary)
	}
	if err != nil {
		return fmt.Errorf("values of a part of an event: %w", err)
	}
	return nil
}

func readValues(data []byte, binary bool) (values []string, err error) {
	if len(data) == 0 {
		return nil, nil
	}
	if !binary {
		err = json.Unmarshal(data, &values)
		return values, err
	}
	var bytes [][]byte
	err = json.Unmarshal(data, &bytes)
	return toStrings(bytes), err
}

func isText(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) })
}

// EncodeImage returns attributes as JSON: a list of values for each, which are in
// base64 when one of them is not text.
func EncodeImage(a Attributes) (string, error) {
	out := make(map[string]any, len(a))
	for name, values := range a {
		if out[name] = values; !isText(values) {
			out[name] = map[string]any{"binary": toBytes(values)}
		}
	}
	text, err := marshal(out)
	return string(text), err
}

// ParseImage reads what EncodeImage wrote.
func ParseImage(text string) (Attributes, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("attributes of an event: %w", err)
	}
	a := make(Attributes, len(raw))
	for name, data := range raw {
		var binary struct {
			Binary [][]byte `json:"binary"`
		}
		var err error
		if strings.HasPrefix(string(data), "{") {
			err = json.Unmarshal(data, &binary)
			a[name] = toStrings(binary.Binary)
		} else {
			a[name], err = readValues(data, false)
		}
		if err != nil {
			return nil, fmt.Errorf("attribute %s of an event: %w", name, err)
		}
	}
	return a, nil
}

// ParseParts reads what EncodeParts wrote.
func ParseParts(text string) (parts []EventPart, err error) {
	err = json.Unmarshal([]byte(text), &parts)
	return parts, err
}

// EncodeParts returns parts as JSON.
func EncodeParts(parts []EventPart) (string, error) {
	text, err := marshal(parts)
	return string(text), err
}
