package sim

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// violations collects the broken rules of a body.
type violations simkit.Violations

func (v *violations) add(path, format string, a ...any) {
	*v = append(*v, simkit.Violation{Path: path, Text: fmt.Sprintf(format, a...)})
}

// check returns what is wrong with a decoded value; "" for nothing.
type check func(v any) string

const (
	mustBeText = "must be a string"
	isUnknown  = "is not known"
	isReadOnly = "is read-only"
	isMissing  = "must not be null"
)

func text(limit int) check {
	return func(v any) string {
		t, ok := v.(string)
		if !ok {
			return mustBeText
		}
		if utf8.RuneCountInString(t) > limit {
			return fmt.Sprintf("size must be between 0 and %d", limit)
		}
		return ""
	}
}

func oneOf(values ...string) check {
	return func(v any) string {
		if t, ok := v.(string); !ok || !slices.Contains(values, t) {
			return "must be one of " + strings.Join(values, ", ")
		}
		return ""
	}
}

func boolean(v any) string {
	if _, ok := v.(bool); !ok {
		return "must be a boolean"
	}
	return ""
}

func date(v any) string {
	t, ok := v.(string)
	if _, err := time.Parse(time.DateOnly, t); !ok || err != nil {
		return "must be a date of the form YYYY-MM-DD"
	}
	return ""
}

var languageForm = regexp.MustCompile(`^[A-Za-z]{2}(-[A-Za-z]{2})?$`)

func language(v any) string {
	if t, ok := v.(string); !ok || !languageForm.MatchString(t) {
		return "must be a language of the form xx or xx-YY"
	}
	return ""
}

func picture(v any) string {
	if wrong := text(2083)(v); wrong != "" {
		return wrong
	}
	u, err := url.Parse(v.(string))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "must be a URL"
	}
	return ""
}

func email(v any) string {
	if wrong := text(255)(v); wrong != "" {
		return wrong
	}
	a, err := mail.ParseAddress(v.(string))
	if err != nil || a.Address != v.(string) {
		return "Email address is invalid"
	}
	_, domain, _ := strings.Cut(a.Address, "@")
	if !strings.Contains(strings.Trim(domain, "."), ".") {
		return "Email address is invalid"
	}
	return ""
}

// An E.164 number has at most 15 digits; the vendor's limit of 50 characters
// comes first.
var phoneForm = regexp.MustCompile(`^[1-9][0-9]{4,14}$`)

func phone(v any) string {
	if wrong := text(50)(v); wrong != "" {
		return wrong
	}
	if !phoneForm.MatchString(v.(string)) {
		return "Phone number is invalid"
	}
	return ""
}

// rules says how strictly members are read.
type rules struct {
	readings *simkit.Readings
	defined  func(name string) (CustomAttribute, bool)
}

// unwanted records a violation for an unknown or read-only member.
func (r rules) unwanted(found *violations, path string, readOnly bool) {
	if readOnly {
		if r.readings.Is("read_only_members", "refused") {
			found.add(path, isReadOnly)
		}
		return
	}
	if r.readings.Is("unknown_members", "refused") {
		found.add(path, isUnknown)
	}
}

// null records a violation for a null member, and reports whether v is null.
func (r rules) null(found *violations, path string, v any) bool {
	if v == nil && r.readings.Is("null_members", "refused") {
		found.add(path, isMissing)
	}
	return v == nil
}

// person checks the body of a person in the form of version 2 or 3.
func (r rules) person(m map[string]any, prefix string, contact func(*violations, string, any)) violations {
	var found violations
	for _, name := range sortedNames(m) {
		v, path := m[name], prefix+name
		if i := slices.IndexFunc(standard(), func(a attribute) bool { return a.name == name }); i >= 0 {
			r.value(&found, path, v, standard()[i].check)
			continue
		}
		switch {
		case name == "tags":
			r.tags(&found, path, v)
		case name == "customAttributes":
			r.custom(&found, path, v)
		case name == "contactInformation":
			if !r.null(&found, path, v) {
				contact(&found, path, v)
			}
		default:
			r.unwanted(&found, path, slices.Contains(readOnlyMembers(), name))
		}
	}
	return found
}

func (r rules) value(found *violations, path string, v any, c check) {
	if r.null(found, path, v) {
		return
	}
	if v == "" { // clears the attribute
		return
	}
	if wrong := c(v); wrong != "" {
		found.add(path, "%s", wrong)
	}
}

func (r rules) tags(found *violations, path string, v any) {
	if r.null(found, path, v) {
		return
	}
	list, ok := v.([]any)
	if !ok {
		found.add(path, "must be an array")
		return
	}
	for i, item := range list {
		if wrong := tagName(item); wrong != "" {
			found.add(fmt.Sprintf("%s[%d]", path, i), "%s", wrong)
		}
	}
}

func tagName(v any) string {
	if wrong := text(256)(v); wrong != "" {
		return wrong
	}
	if strings.TrimSpace(v.(string)) == "" {
		return "must not be blank"
	}
	return ""
}

// contact2 checks contactInformation in the form of version 2.
func (r rules) contact2(found *violations, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		found.add(path, "must be an object")
		return
	}
	for _, name := range sortedNames(m) {
		at := path + "." + name
		switch name {
		case "email":
			r.destinations(found, at, m[name], "address", email)
		case "phone":
			r.destinations(found, at, m[name], "number", r.phone())
		default:
			r.unwanted(found, at, slices.Contains(readOnlyChannels(), name))
		}
	}
}

const maxContacts = 100

func (r rules) destinations(found *violations, path string, v any, member string, c check) {
	if r.null(found, path, v) {
		return
	}
	list, ok := v.([]any)
	if !ok {
		found.add(path, "must be an array")
		return
	}
	if len(list) > maxContacts {
		found.add(path, "size must be between 0 and %d", maxContacts)
		return
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		m, ok := item.(map[string]any)
		if !ok {
			found.add(at, "must be an object")
			continue
		}
		for _, name := range sortedNames(m) {
			if name != member {
				r.unwanted(found, at+"."+name, false)
			}
		}
		if m[member] == nil {
			found.add(at+"."+member, isMissing)
		} else if wrong := c(m[member]); wrong != "" {
			found.add(at+"."+member, "%s", wrong)
		}
	}
}

// phone is the rule for numbers: a plus sign is allowed only if a reading says
// so.
func (r rules) phone() check {
	return func(v any) string {
		if t, ok := v.(string); ok && r.readings.Is("phone_plus", "stripped") {
			return phone(strings.TrimPrefix(t, "+"))
		}
		return phone(v)
	}
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// decode reads one JSON value strictly. Integers become int64, other numbers
// json.Number.
func decode(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("body: is not valid UTF-8")
	}
	v, found := simkit.Parse(body)
	if found != nil {
		return nil, found
	}
	return v, nil
}
