package main

import (
	"bytes"
	"encoding/json"

	"strings"
)

// object is a JSON object of which only some members are looked at.
type object map[string]json.RawMessage

func members(text string) (object, error) {
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil || o == nil {
		return nil, refuse("the body is not a JSON object: %v", err)
	}
	return o, nil
}

func (o object) text() (string, error) {
	var to bytes.Buffer
	enc := json.NewEncoder(&to)
	enc.SetEscapeHTML(false)
	err := enc.Encode(o)
	return strings.TrimSpace(to.String()), err
}

// put replaces a member.
func (o object) put(name string, v any) error {
	raw, err := json.Marshal(v)
	o[name] = raw
	return err
}

// inner reads a member that is an object or a list; false when it is not there
// or null.
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
func adds(o object) bool {
	_, tags := o["tags"]
	_, contacts := o["contactInformation"]
	return tags || contacts
}

// reduce takes out the tags and contacts that the person has already or, with
// had, those that the person does not have.
func (o object) reduce(p *person, had bool) error {
	var tags []string
	if there, err := o.inner("tags", &tags); err != nil {
		return err
	} else if there {
		if err := o.keep("tags", reduced(tags, had, p.tagged)); err != nil {
			return err
		}
	}
	var contact object
	if there, err := o.inner("contactInformation", &contact); err != nil || !there {
		return err
	}
	for channel, member := range map[string]string{"email": "address", "phone": "number"} {
		var list []map[string]any
		if there, err := contact.inner(channel, &list); err != nil {
			return err
		} else if !there {
			continue
		}
		has := func(one map[string]any) bool {
			text, _ := one[member].(string)
			return p.has(channel, text)
		}
		if err := contact.keep(channel, reduced(list, had, has)); err != nil {
			return err
		}
	}
	if len(contact) == 0 {
		delete(o, "contactInformation")
		return nil
	}
	return o.put("contactInformation", contact)
}

// keep replaces a list, or takes it out when nothing is left of it.
func (o object) keep(name string, list []any) error {
	if len(list) == 0 {
		delete(o, name)
		return nil
	}
	return o.put(name, list)
}

func reduced[T any](list []T, want bool, has func(T) bool) (left []any) {
	seen := map[string]bool{}
	for _, one := range list {
		raw, _ := json.Marshal(one) // it was read from JSON
		if has(one) == want && !seen[string(raw)] {
			seen[string(raw)] = true
			left = append(left, one)
		}
	}
	return left
}
