package main

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object of which only some members are looked at.
type object map[string]json.RawMessage

func members(text string) (o object, err error) {
	if err = json.Unmarshal([]byte(text), &o); err != nil || o == nil {
		return nil, refuse("the body is not a JSON object: %v", err)
	}
	return o, nil
}

// marshal writes what was read from JSON, so that it cannot fail.
func marshal(v any) json.RawMessage {
	var to bytes.Buffer
	enc := json.NewEncoder(&to)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSpace(to.Bytes())
}

func (o object) text() string { return string(marshal(o)) }

// inner reads a member; false when it is not there or null.
func (o object) inner(name string, to any) (there bool, err error) {
	raw := o[name]
	if len(raw) == 0 || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return false, refuse("%s of the body has another form than Infobip's: %v", name, err)
	}
	return true, nil
}

// adds reports whether a body holds what Infobip adds to what is there.
func adds(o object) bool { return o["tags"] != nil || o["contactInformation"] != nil }

// reduce takes out the tags and contacts that the person has already or, with
// had, those that the person does not have.
func (o object) reduce(p *person, had bool) error {
	if err := reduce(o, "tags", func(tag string) bool { return p.tagged(tag) == had }); err != nil {
		return err
	}
	var contact object
	if there, err := o.inner("contactInformation", &contact); err != nil || !there {
		return err
	}
	for channel, member := range map[string]string{"email": "address", "phone": "number"} {
		err := reduce(contact, channel, func(one map[string]any) bool {
			text, _ := one[member].(string)
			return p.has(channel, text) == had
		})
		if err != nil {
			return err
		}
	}
	o["contactInformation"] = marshal(contact)
	if len(contact) == 0 {
		delete(o, "contactInformation")
	}
	return nil
}

// reduce leaves of a list what is wanted, each once, and nothing of an empty one.
func reduce[T any](o object, name string, wanted func(T) bool) error {
	var list []T
	if there, err := o.inner(name, &list); err != nil || !there {
		return err
	}
	var left []json.RawMessage
	seen := map[string]bool{}
	for _, one := range list {
		if raw := marshal(one); wanted(one) && !seen[string(raw)] {
			seen[string(raw)] = true
			left = append(left, raw)
		}
	}
	o[name] = marshal(left)
	if len(left) == 0 {
		delete(o, name)
	}
	return nil
}
