package abi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Normalize fills in the defaults: methods, modes, styles, names of profiles.
func (m *Manifest) Normalize() {
	for i := range m.Endpoints {
		m.Endpoints[i].Normalize()
	}
	for i := range m.Auth {
		p := &m.Auth[i]
		if p.Name == "" {
			p.Name = string(p.Kind)
		}
		if p.Kind == AuthOAuth2 && p.ClientAuth == "" {
			p.ClientAuth = ClientAuthBasic
		}
	}
	for i := range m.Settings {
		if m.Settings[i].Type == "" {
			m.Settings[i].Type = SettingString
		}
	}
}

// Normalize fills in the defaults of an endpoint.
func (e *Endpoint) Normalize() {
	if e.Method == "" {
		e.Method = MethodGet
	}
	if e.Mode == "" {
		e.Mode = ModeFull
	}
	if e.Repeat.Style == "" {
		e.Repeat.Style = RepeatNone
	}
}

// problems collects what is wrong, each with its place.
type problems struct {
	at   string
	list *[]error
}

func (p problems) add(format string, args ...any) {
	*p.list = append(*p.list, errors.New(p.at+fmt.Sprintf(format, args...)))
}

func (p problems) in(format string, args ...any) problems {
	return problems{at: p.at + fmt.Sprintf(format, args...) + ": ", list: p.list}
}

// Validate checks a normalized manifest and reports everything that is wrong
// with it, one error a line.
func (m Manifest) Validate() error {
	var list []error
	p := problems{list: &list}
	if !isName(m.Name) {
		p.add("name %q: a lower case letter, then up to 63 letters, digits, _ and - are allowed", m.Name)
	}
	if !isVersion(m.Version) {
		p.add("version %q is not MAJOR.MINOR.PATCH", m.Version)
	}
	if m.ABI != Module {
		p.add("abi %q is not known, this host has %q", m.ABI, Module)
	}
	if m.Title == "" {
		p.add("title is missing")
	}
	if m.BaseURL != "" {
		checkURL(p.in("base_url"), m.BaseURL)
	}
	for _, h := range m.Hosts {
		if err := CheckHost(h); err != nil {
			p.add("hosts: %v", err)
		}
	}
	if m.RateLimit != "" {
		if _, _, err := ParseRateLimit(m.RateLimit); err != nil {
			p.add("rate_limit: %v", err)
		}
	}
	m.checkSettings(p)
	m.checkAuth(p)
	m.checkEndpoints(p)
	m.checkAttributes(p)
	return errors.Join(list...)
}

func (m Manifest) checkSettings(p problems) {
	seen := map[string]bool{}
	for _, s := range m.Settings {
		in := p.in("setting %q", s.Name)
		unique(in, seen, s.Name)
		switch s.Type {
		case SettingString, SettingInt, SettingBool:
			if s.Default != nil {
				if err := s.Check(s.Default); err != nil {
					in.add("default: %v", err)
				}
			}
		default:
			in.add("type %q is not string, int or bool", s.Type)
		}
		if s.Required && s.Default != nil {
			in.add("is required and has a default: one of the two is meant")
		}
	}
}

// Check reports whether a value is of the setting's type.
func (s Setting) Check(value any) error {
	ok := false
	switch value.(type) {
	case string:
		ok = s.Type == SettingString
	case int, int64:
		ok = s.Type == SettingInt
	case bool:
		ok = s.Type == SettingBool
	}
	if !ok {
		return fmt.Errorf("%v is not of type %s", value, s.Type)
	}
	return nil
}

func (m Manifest) checkAuth(p problems) {
	seen := map[string]bool{NoAuth: true}
	for _, a := range m.Auth {
		in := p.in("auth %q", a.Name)
		unique(in, seen, a.Name)
		switch a.Kind {
		case AuthBasic, AuthBearer:
		case AuthAPIKey:
			if !isToken(a.Header) {
				in.add("header %q is not the name of a header", a.Header)
			}
			if strings.ContainsAny(a.Prefix, "\r\n\x00") {
				in.add("prefix holds a line break")
			}
		case AuthOAuth2:
			if a.AuthURL != "" {
				checkURL(in.in("auth_url"), a.AuthURL)
			}
			checkURL(in.in("token_url"), a.TokenURL)
			if a.ClientAuth != ClientAuthBasic && a.ClientAuth != ClientAuthBody {
				in.add("client_auth %q is not basic or body", a.ClientAuth)
			}
			if a.BasePath != "" && !strings.HasPrefix(a.BasePath, "/") {
				in.add("base_path %q does not start with a slash", a.BasePath)
			}
		default:
			in.add("kind %q is not oauth2, basic, api_key or bearer", a.Kind)
		}
	}
}

func (m Manifest) checkEndpoints(p problems) {
	seen := map[string]bool{}
	for _, e := range m.Endpoints {
		in := p.in("endpoint %q", e.Name)
		unique(in, seen, e.Name)
		e.check(in)
	}
}

// Validate checks a normalized endpoint, such as one that the configuration
// added or changed.
func (e Endpoint) Validate() error {
	var list []error
	e.check(problems{list: &list})
	return errors.Join(list...)
}

func (e Endpoint) check(p problems) {
	if e.Method != MethodGet && e.Method != MethodPost {
		p.add("method %q is not GET or POST", e.Method)
	}
	if (e.Path == "") == (e.URL == "") {
		p.add("exactly one of path and url must be set")
	}
	if e.Path != "" && !strings.HasPrefix(e.Path, "/") {
		p.add("path %q does not start with a slash", e.Path)
	}
	if e.URL != "" {
		checkURL(p.in("url"), e.URL)
	}
	if e.Body != "" && e.Method != MethodPost {
		p.add("body is set, and the method is %s", e.Method)
	}
	for name, value := range e.Headers {
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			p.add("header %q is not a name and one line of text", name)
		}
	}
	checkPointer(p, "records", e.Records)
	checkPointer(p, "record", e.Record)
	checkPointer(p, "key", e.Key)
	if e.Key == "" {
		p.add("key is missing: the JSON pointer to the primary key within a record, such as \"/id\"")
	}
	if e.Mode != ModeFull && e.Mode != ModeChanges {
		p.add("mode %q is not full or changes", e.Mode)
	}
	e.Repeat.check(p.in("repeat"))
}

func (r Repeat) check(p problems) {
	checkPointer(p, "next", r.Next)
	checkPointer(p, "more", r.More)
	switch r.Style {
	case RepeatNone, RepeatLinkHeader:
	case RepeatOffset, RepeatPage:
		if r.Param == "" {
			p.add("style %s needs param, the query parameter that takes the position", r.Style)
		}
	case RepeatCursor:
		if r.Param == "" || r.Next == "" {
			p.add("style cursor needs param and next")
		}
	case RepeatNextURL:
		if r.Next == "" {
			p.add("style next_url needs next, the JSON pointer to the URL")
		}
	default:
		p.add("style %q is not none, cursor, offset, page, next_url or link_header", r.Style)
	}
	if r.Limit < 0 {
		p.add("limit %d is negative", r.Limit)
	}
	if r.LimitParam != "" && r.Limit == 0 {
		p.add("limit_param is set, and limit is not")
	}
	if r.First != nil && *r.First < 0 {
		p.add("first %d is negative", *r.First)
	}
}

func (m Manifest) checkAttributes(p problems) {
	seen := map[string]bool{}
	for _, a := range m.Attributes {
		in := p.in("attribute %q", a.Name)
		if a.Name == "" || seen[a.Name] {
			in.add("the name is missing or used twice")
		}
		seen[a.Name] = true
		switch a.Type {
		case TypeString, TypeInt, TypeNumber, TypeBool, TypeTime, TypeObject, TypeStrings, TypeObjects:
		default:
			in.add("type %q is not string, int, number, bool, time, object, strings or objects", a.Type)
		}
	}
	for _, c := range m.Cannot {
		if c.Operation == "" || c.Reason == "" {
			p.add("cannot: operation and reason must both be there")
		}
	}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// madeOf reports whether text has 1 to limit bytes, all of them in alphabet.
func madeOf(text, alphabet string, limit int) bool {
	return text != "" && len(text) <= limit && strings.Trim(text, alphabet) == ""
}

func isName(s string) bool {
	return madeOf(s, lower+digits+"_-", 64) && s[0] >= 'a'
}

func isVersion(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if !madeOf(p, digits, 9) || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return len(parts) == 3
}

func isLabel(s string) bool {
	return madeOf(s, lower+digits+"-", 63) && s[0] != '-' && s[len(s)-1] != '-'
}

// isToken follows RFC 9110 section 5.6.2.
func isToken(s string) bool {
	return madeOf(s, lower+upper+digits+"!#$%&'*+.^_`|~-", 256)
}

func unique(p problems, seen map[string]bool, name string) {
	if !isName(name) {
		p.add("a name is a lower case letter, then up to 63 letters, digits, _ and -")
	} else if seen[name] {
		p.add("the name is used twice")
	}
	seen[name] = true
}

func checkPointer(p problems, field, pointer string) {
	if err := CheckPointer(pointer); err != nil {
		p.add("%s: %v", field, err)
	}
}

// CheckPointer reports whether text is a JSON pointer (RFC 6901).
func CheckPointer(pointer string) error {
	if pointer != "" && pointer[0] != '/' {
		return fmt.Errorf("JSON pointer %q does not start with a slash", pointer)
	}
	for i := range len(pointer) {
		if pointer[i] == '~' && (i+1 == len(pointer) || pointer[i+1] != '0' && pointer[i+1] != '1') {
			return fmt.Errorf("JSON pointer %q: ~ must be written ~0", pointer)
		}
	}
	return nil
}

// CheckHost reports whether text is a host as manifests name them: a name in
// lower case without port, or "*." and a domain of at least two labels.
func CheckHost(host string) error {
	name, wild := strings.CutPrefix(host, "*.")
	labels := strings.Split(name, ".")
	if wild && len(labels) < 2 {
		return fmt.Errorf("host %q covers a whole top-level domain", host)
	}
	if len(name) > 253 {
		return fmt.Errorf("host %q is too long", host)
	}
	for _, l := range labels {
		if !isLabel(l) {
			return fmt.Errorf("host %q is not a name in lower case without scheme and port", host)
		}
	}
	return nil
}

// checkURL wants https, except towards loopback addresses.
func checkURL(p problems, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		p.add("%q is not an absolute https URL", text)
	case u.User != nil || u.Fragment != "":
		p.add("%q holds a user or a fragment", text)
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		p.add("%q is not https", text)
	}
}

// Loopback reports whether a host of a URL is this machine, written as an
// address or as localhost.
func Loopback(host string) bool {
	if host == "localhost" || host == "::1" {
		return true
	}
	parts := strings.Split(host, ".")
	if len(parts) != 4 || parts[0] != "127" {
		return false
	}
	for _, p := range parts {
		if n, err := strconv.ParseUint(p, 10, 8); err != nil || strconv.FormatUint(n, 10) != p {
			return false
		}
	}
	return true
}

// ParseRateLimit reads REQUESTS/DURATION, such as "40/2s". "40/s" is "40/1s".
func ParseRateLimit(text string) (requests int, per time.Duration, err error) {
	count, span, ok := strings.Cut(text, "/")
	requests, err = strconv.Atoi(count)
	if !ok || err != nil || requests < 1 {
		return 0, 0, fmt.Errorf("%q is not REQUESTS/DURATION, such as 40/2s", text)
	}
	if span != "" && (span[0] < '0' || span[0] > '9') {
		span = "1" + span
	}
	per, err = time.ParseDuration(span)
	if err != nil || per <= 0 {
		return 0, 0, fmt.Errorf("%q is not REQUESTS/DURATION, such as 40/2s", text)
	}
	return requests, per, nil
}
