package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// parse decodes one JSON value and nothing after it. It refuses invalid UTF-8
// and duplicate names in an object anywhere in the body; the host treats them
// as a fault of the record that contains them.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	v, err := value(dec)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("not JSON at byte %d: %w", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("not JSON at byte %d: something follows the value", dec.InputOffset())
	}
	return v, nil
}

func value(dec *json.Decoder) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return object(dec)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := value(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return t, nil
}

func object(dec *json.Decoder) (any, error) {
	members := map[string]any{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("name %q occurs twice", name)
		}
		if members[name], err = value(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return members, err
}

var errPointer = errors.New("not a JSON pointer")

func find(v any, pointer string) (any, error) {
	if err := abi.CheckPointer(pointer); err != nil {
		return nil, fmt.Errorf("%w: %w", errPointer, err)
	}
	rest := strings.Split(pointer, "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range rest[1:] {
		token = unescape.Replace(token)
		switch in := v.(type) {
		case map[string]any:
			member, ok := in[token]
			if !ok {
				return nil, fmt.Errorf("nothing at %q", pointer)
			}
			v = member
		case []any:
			i, err := strconv.ParseUint(token, 10, 31)
			if err != nil || int(i) >= len(in) || len(token) > 1 && token[0] == '0' {
				return nil, fmt.Errorf("nothing at %q", pointer)
			}
			v = in[i]
		default:
			return nil, fmt.Errorf("nothing at %q", pointer)
		}
	}
	return v, nil
}

func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
