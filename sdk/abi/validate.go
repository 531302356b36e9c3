package abi

import (
	"errors"
	"fmt"
	"slices"
)

// Normalize fills in the defaults: methods, modes, styles, names of profiles.
func (m *Manifest) Normalize() {
	for i := range m.Endpoints {
		m.Endpoints[i].Normalize()
	}
	for i := range m.Webhooks {
		m.Webhooks[i].Normalize()
	}
	for i := range m.Auth {
		m.Auth[i].Normalize()
	}
	if m.Receiver != nil {
		m.Receiver.Normalize()
	}
	if m.Budget != (Budget{}) && m.Budget.Reset == "" {
		m.Budget.Reset = "00:00"
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
	if e.Cost == 0 {
		e.Cost = 1
	}
	if e.One != nil && e.One.Cost == 0 {
		one := *e.One // what it came from may be shared
		one.Cost = 1
		e.One = &one
	}
}

// problems collects problems, each with its place.
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
	if m.checkNumbers(p); len(list) > 0 {
		return first(list)
	}
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
	m.Budget.check(p.in("budget"))
	m.checkSettings(p)
	m.checkSecrets(p)
	m.checkAuth(p)
	m.checkEndpoints(p)
	m.checkWebhooks(p)
	m.checkAttributes(p)
	m.checkCannot(p)
	m.checkRates(p)
	m.checkMacros(p)
	m.checkReceiver(p)
	return first(list)
}

// maxProblems is how many problems are reported: a file may have thousands, and
// the log repeats them at each start.
const maxProblems = 20

// first joins the first of the problems and counts the others.
func first(list []error) error {
	if more := len(list) - maxProblems; more > 0 {
		list = append(list[:maxProblems:maxProblems], fmt.Errorf("and %d more", more))
	}
	return errors.Join(list...)
}

// How many definitions of each sort a manifest may have. Each one costs time at
// every start.
const (
	maxCalls      = 500  // endpoints, webhooks, rates, limitations, hosts
	maxSettings   = 100  // settings, secrets, auth profiles
	maxAttributes = 1000 // of all endpoints, and of one
)

func (m Manifest) checkNumbers(p problems) {
	most := func(p problems, what string, n, limit int) {
		if n > limit {
			p.add("%d %s, more than %d", n, what, limit)
		}
	}
	most(p, "endpoints", len(m.Endpoints), maxCalls)
	most(p, "webhooks", len(m.Webhooks), maxCalls)
	most(p, "rates", len(m.Rates), maxCalls)
	most(p, "macros", len(m.Macros), maxCalls)
	most(p, "of macro_roots", len(m.MacroRoots), maxSettings)
	most(p, "of cannot", len(m.Cannot), maxCalls)
	most(p, "hosts", len(m.Hosts), maxCalls)
	most(p, "settings", len(m.Settings), maxSettings)
	most(p, "secrets", len(m.Secrets), maxSettings)
	most(p, "auth profiles", len(m.Auth), maxSettings)
	most(p, "attributes", len(m.Attributes), maxAttributes)
	for _, e := range m.Endpoints[:min(len(m.Endpoints), maxCalls)] {
		most(p.in("endpoint %q", e.Name), "attributes", len(e.Attributes), maxAttributes)
	}
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

func (m Manifest) checkSecrets(p problems) {
	seen := map[string]bool{}
	for _, s := range m.Secrets {
		unique(p.in("secret %q", s.Name), seen, s.Name)
	}
}

func (b Budget) check(p problems) {
	if b.PerDay < 0 {
		p.add("per_day %d is negative", b.PerDay)
	}
	if b != (Budget{}) {
		if _, err := ParseReset(b.Reset); err != nil {
			p.add("reset: %v", err)
		}
	}
	if b.LeftHeader != "" && !isToken(b.LeftHeader) {
		p.add("left_header %q is not the name of a header", b.LeftHeader)
	}
}

// checkCost checks that a day's budget can pay for one request.
func (m Manifest) checkCost(p problems, cost int64) {
	if m.Budget.PerDay > 0 && cost > m.Budget.PerDay {
		p.add("cost %d is more than the budget of a day, %d", cost, m.Budget.PerDay)
	}
}

func (m Manifest) checkAttributes(p problems) {
	every := map[string]bool{}
	checkAttributeList(p, m.Attributes, nil, every)
	for _, e := range m.Endpoints {
		checkAttributeList(p.in("endpoint %q", e.Name), e.Attributes, every, map[string]bool{})
	}
}

// EndpointAttributes lists the fields of an endpoint's records: the manifest's
// common ones, then the endpoint's own.
func (m Manifest) EndpointAttributes(name string) []Attribute {
	e, _ := m.Endpoint(name)
	return slices.Concat(m.Attributes, e.Attributes)
}

func checkAttributeList(p problems, list []Attribute, every, seen map[string]bool) {
	for _, a := range list {
		in := p.in("attribute %q", a.Name)
		if a.Name == "" || every[a.Name] || seen[a.Name] {
			in.add("the name is missing or used twice")
		}
		seen[a.Name] = true
		switch a.Type {
		case TypeString, TypeInt, TypeNumber, TypeBool, TypeTime, TypeObject, TypeStrings, TypeObjects:
		default:
			in.add("type %q is not string, int, number, bool, time, object, strings or objects", a.Type)
		}
	}
}
