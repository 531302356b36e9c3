package sdktest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Macro implements sdk.Host. Unless Macros is set, a template's expressions may
// only be names and members, such as {{ settings.tag }}, whose values are those
// of Values: the language itself is the agent's.
func (h *Host) Macro(template string, place abi.Place, buf []byte) int64 {
	if !place.Known() {
		return h.no(abi.CodeArgument, "place %d is not known", place)
	}
	macros := h.Macros
	if macros == nil {
		macros = h.plain
	}
	text, err := macros(template, place)
	var code abi.Code
	switch {
	case errors.As(err, &code):
		return h.no(code, "%v", err)
	case err != nil:
		return h.no(abi.CodeInput, "%v", err)
	}
	return give(buf, []byte(text))
}

// plain renders a template whose expressions are names and members.
func (h *Host) plain(template string, place abi.Place) (string, error) {
	values := map[string]any{"settings": h.Settings}
	for name, v := range h.Values {
		values[name] = v
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{{")
		out.WriteString(before)
		if !ok {
			return out.String(), nil
		}
		path, after, ok := strings.Cut(rest, "}}")
		if !ok {
			return "", fmt.Errorf("{{ without }}: %w", abi.CodeInput)
		}
		text, err := escaped(values, strings.TrimSpace(path), place)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		template = after
	}
}

// escaped returns the value at a path such as link.key as it stands at a place.
func escaped(values map[string]any, path string, place abi.Place) (string, error) {
	if strings.ContainsFunc(path, func(r rune) bool {
		return r != '.' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}) {
		return "", fmt.Errorf("%q is more than names and members: set Macros of the test's host: %w", path, abi.CodeInput)
	}
	var value any = values
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if value == nil {
		return "", fmt.Errorf("%s is absent: %w", path, abi.CodeNoValue)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	if place == abi.PlaceJSONValue {
		return string(raw), nil
	}
	return escape(fmt.Sprint(value), place), nil
}

func escape(text string, place abi.Place) string {
	switch place {
	case abi.PlacePath:
		return url.PathEscape(text)
	case abi.PlaceQuery, abi.PlaceForm:
		return url.QueryEscape(text)
	case abi.PlaceJSON:
		quoted, _ := json.Marshal(text) // a string can always be encoded
		return string(quoted[1 : len(quoted)-1])
	case abi.PlaceXML:
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(text)) // a Buffer never fails
		return b.String()
	}
	return text
}
