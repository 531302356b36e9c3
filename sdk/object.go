package sdk

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Object is a JSON object of which the connector examines only some members.
// The others keep their text.
type Object map[string]json.RawMessage

// ParseObject reads the body of a webhook, which must be a JSON object.
func ParseObject(text string) (o Object, err error) {
	if err = json.Unmarshal([]byte(text), &o); err != nil {
		return nil, Refusef("the body is not a JSON object: %v", err)
	}
	if o == nil {
		return nil, Refusef("the body is not a JSON object: it is null")
	}
	return o, nil
}

// Refusef returns the error for a webhook that asks for something impossible.
func Refusef(format string, args ...any) error {
	return Errorf(abi.KindConfig, "nothing was sent: "+format, args...)
}

// String returns the JSON of the object. Placeholders of secrets stay as they
// are.
func (o Object) String() string { return string(rawJSON(o)) }

// rawJSON encodes values that were read from JSON, which cannot fail.
func rawJSON(v any) json.RawMessage {
	var to strings.Builder
	enc := json.NewEncoder(&to)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return json.RawMessage(strings.TrimSpace(to.String()))
}

// Set writes a member.
func (o Object) Set(name string, v any) { o[name] = rawJSON(v) }

// Get reads a member. It reports false when the member is absent or null.
func (o Object) Get(name string, to any) (there bool, err error) {
	raw := o[name]
	if len(raw) == 0 || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return false, Refusef("%s of the body is not what the application takes: %v", name, err)
	}
	return true, nil
}

// Text returns a member that is a text; "" otherwise.
func (o Object) Text(name string) (text string) {
	_ = json.Unmarshal(o[name], &text) // the application refuses another type
	return text
}

// Reduce keeps the wanted elements of a list in o, each once, and removes the
// list if none remains. An element that stays keeps its text, including members
// that T does not have.
func Reduce[T any](o Object, name string, wanted func(T) bool) error {
	var list []T
	if there, err := o.Get(name, &list); err != nil || !there {
		return err
	}
	var texts, left []json.RawMessage
	if _, err := o.Get(name, &texts); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, one := range list {
		if same := sorted(texts[i]); wanted(one) && !seen[same] {
			seen[same] = true
			left = append(left, texts[i])
		}
	}
	o.Set(name, left)
	if len(left) == 0 {
		delete(o, name)
	}
	return nil
}

// sorted returns JSON with the members of objects in order, for comparison.
func sorted(raw json.RawMessage) string {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v) // it was read from JSON
	return string(rawJSON(v))
}

// Complete completes the JSON body of a request that replaces a whole object. A
// GET of the same path supplies the named members that the body leaves out. A
// member that its answer does not show would be lost, and is an error.
func Complete(c *Call, req *Request, classify Classifier, names ...string) error {
	body, err := ParseObject(req.Body)
	if err != nil {
		return err
	}
	now, err := Retry(c, Request{Path: req.Path, URL: req.URL}, classify)
	if err != nil {
		return err
	}
	defer now.Close()
	for _, name := range names {
		if _, given := body[name]; given {
			continue
		}
		raw, err := now.Get("/" + name)
		if errors.Is(err, abi.CodeNoValue) || string(raw) == "null" {
			return now.Bad("the answer does not tell %s, which would be lost", name)
		}
		if err != nil {
			return now.Errorf(KindOf(err), "%s: %v", now.Place(), err)
		}
		body[name] = raw
	}
	req.Body = body.String()
	return nil
}
