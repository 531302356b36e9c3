package sim

import (
	"reflect"
	"slices"
	"strings"
)

// changes holds the checked members of a body.
type changes struct {
	values  map[string]*string // standard attributes; nil clears one
	nick    *string
	custom  map[string]any // nil clears one
	noCust  bool           // customAttributes: null
	tags    []string
	hasTags bool
	unknown string // a tag that a reading does not allow to be defined here
	contact *contacts
}

// contacts holds the checked destinations of a body.
type contacts struct {
	phones, emails       []string
	hasPhones, hasEmails bool
}

// changes2 reads a checked body in the form of version 2.
func (s *Server) changes2(m map[string]any) changes {
	ch := s.attributes(m)
	if v, ok := m["contactInformation"].(map[string]any); ok {
		ch.contact = s.contacts2(v)
	} else if _, null := m["contactInformation"]; null && s.nullEmpties() {
		ch.contact = &contacts{hasPhones: true, hasEmails: true}
	}
	return ch
}

func (s *Server) nullEmpties() bool { return s.readings.Is("null_members", "empties") }

// attributes reads the attributes that both versions write alike.
func (s *Server) attributes(m map[string]any) changes {
	ch := changes{values: map[string]*string{}, custom: map[string]any{}}
	for _, a := range standard() {
		v, given := m[a.name]
		switch t := v.(type) {
		case string:
			ch.values[a.name] = &t
		case nil:
			if given && s.nullEmpties() {
				ch.values[a.name] = nil
			}
		}
	}
	switch list := m["tags"].(type) {
	case []any:
		ch.hasTags = true
		for _, t := range list {
			name, _ := t.(string) // checked
			ch.tags = append(ch.tags, name)
			if _, ok := s.people.tag(name); !ok && s.readings.Is("unknown_tags", "refused") {
				ch.unknown = name
			}
		}
	case nil:
		if _, given := m["tags"]; given && s.nullEmpties() {
			ch.hasTags = true
		}
	}
	switch custom := m["customAttributes"].(type) {
	case map[string]any:
		for name, v := range custom {
			if _, defined := s.people.definition(name); defined && (v != nil || s.nullEmpties()) {
				ch.custom[name] = v
			}
		}
	case nil:
		_, given := m["customAttributes"]
		ch.noCust = given && s.nullEmpties()
	}
	return ch
}

func (s *Server) contacts2(m map[string]any) *contacts {
	var c contacts
	read := func(name, member string) (list []string, given bool) {
		v, given := m[name]
		for _, item := range items(v) {
			value, _ := item.(map[string]any)[member].(string)
			list = append(list, strings.TrimPrefix(value, "+"))
		}
		return list, given && (v != nil || s.nullEmpties())
	}
	c.phones, c.hasPhones = read("phone", "number")
	c.emails, c.hasEmails = read("email", "address")
	return &c
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}

// overwrite replaces the whole of p.
func (s *Server) overwrite(p *Person, ch changes) error {
	for _, a := range standard() {
		*a.of(p) = ""
	}
	p.Type, p.NickName = "CUSTOMER", ""
	p.Tags, p.CustomAttributes = []string{}, nil
	if ch.contact == nil {
		ch.contact = &contacts{}
	}
	ch.contact.hasPhones, ch.contact.hasEmails = true, true
	return s.update(p, ch, replace)
}

// mode says what a write does to tags and contacts.
type mode int

const (
	replace mode = iota
	add          // a reading says what happens to those that exist
	addOnce
)

// update replaces the given parts of p; mode applies to tags and contacts.
func (s *Server) update(p *Person, ch changes, mode mode) error {
	for _, a := range standard() {
		v, given := ch.values[a.name]
		switch {
		case given && v != nil:
			*a.of(p) = *v
		case given:
			*a.of(p) = ""
		}
	}
	if p.Type == "" {
		p.Type = "CUSTOMER"
	}
	if ch.nick != nil {
		p.NickName = *ch.nick
	}
	p.setCustom(ch)
	if err := s.setTags(p, ch, mode); err != nil {
		return err
	}
	if err := s.applyContacts(p, ch.contact, mode); err != nil {
		return err
	}
	p.ModifiedAt, p.ModifiedFrom = s.now(), "API"
	return s.complete(*p)
}

// complete refuses a person without any identifier if a reading asks for that.
func (s *Server) complete(p Person) error {
	if len(identifiers(p)) == 0 && s.readings.Is("without_identifier", "refused") {
		return wrong("contactInformation", "a phone, an e-mail address or an external id is required")
	}
	return nil
}

func (p *Person) setCustom(ch changes) {
	if ch.noCust {
		p.CustomAttributes = nil
	}
	for name, v := range ch.custom {
		if v == nil || v == "" {
			delete(p.CustomAttributes, name)
			continue
		}
		if p.CustomAttributes == nil {
			p.CustomAttributes = map[string]any{}
		}
		p.CustomAttributes[name] = v
	}
}

func (s *Server) setTags(p *Person, ch changes, mode mode) error {
	if ch.unknown != "" {
		return wrong("tags", "Tag %s is not defined", ch.unknown)
	}
	if mode == replace {
		if ch.hasTags {
			p.Tags = []string{}
			for _, t := range ch.tags {
				if !slices.Contains(p.Tags, t) {
					p.Tags = append(p.Tags, t)
				}
			}
		}
		return nil
	}
	var err error
	p.Tags, err = s.appendTo(mode, p.Tags, ch.tags, "tags", func(a, b string) bool { return a == b })
	return err
}

// appendTo adds values to a list. A reading says what happens to those that are
// in it already.
func (s *Server) appendTo(mode mode, list, values []string, path string, equal func(a, b string) bool) ([]string, error) {
	for _, v := range values {
		if slices.ContainsFunc(list, func(old string) bool { return equal(old, v) }) {
			reading := s.readings.Get("append_existing")
			switch {
			case mode == add && reading == "refused":
				return nil, wrong(path, "%s is there already", v)
			case mode == addOnce || reading == "once":
				continue
			}
		}
		list = append(list, v)
	}
	return list, nil
}

func (s *Server) applyContacts(p *Person, c *contacts, mode mode) error {
	if c == nil {
		return nil
	}
	phones, emails := p.phones(), p.emails()
	if mode == replace {
		if c.hasPhones {
			phones = nil
		}
		if c.hasEmails {
			emails = nil
		}
	}
	var err error
	equal := func(a, b string) bool { return a == b }
	if phones, err = s.appendTo(mode, phones, unique(c.phones, mode), "contactInformation.phone", equal); err != nil {
		return err
	}
	if emails, err = s.appendTo(mode, emails, unique(c.emails, mode), "contactInformation.email", strings.EqualFold); err != nil {
		return err
	}
	if len(phones) > maxContacts || len(emails) > maxContacts {
		return wrong("contactInformation", "size must be between 0 and %d", maxContacts)
	}
	p.setContacts(phones, emails)
	return nil
}

// unique removes repetitions within a list that replaces another.
func unique(values []string, mode mode) []string {
	if mode != replace {
		return values
	}
	var list []string
	for _, v := range values {
		if !slices.ContainsFunc(list, func(old string) bool { return strings.EqualFold(old, v) }) {
			list = append(list, v)
		}
	}
	return list
}

func (p *Person) phones() []string {
	var list []string
	for _, n := range p.Contact.Phone {
		list = append(list, n.Number)
	}
	return list
}

func (p *Person) emails() []string {
	var list []string
	for _, a := range p.Contact.Email {
		list = append(list, a.Address)
	}
	return list
}

func (p *Person) setContacts(phones, emails []string) {
	p.Contact = Contact{}
	for _, n := range phones {
		p.Contact.Phone = append(p.Contact.Phone, Phone{n})
	}
	for _, a := range emails {
		p.Contact.Email = append(p.Contact.Email, Email{a})
	}
}

// sameData reports whether two people differ in the time of change only.
func sameData(a, b Person) bool {
	a.ModifiedAt, a.ModifiedFrom = b.ModifiedAt, b.ModifiedFrom
	if len(a.CustomAttributes)+len(b.CustomAttributes) == 0 {
		a.CustomAttributes, b.CustomAttributes = nil, nil
	}
	return reflect.DeepEqual(a, b)
}
