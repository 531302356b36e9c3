package abi

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

func (m Manifest) checkEndpoints(p problems) {
	seen := map[string]bool{}
	for _, e := range m.Endpoints {
		in := p.in("endpoint %q", e.Name)
		unique(in, seen, e.Name)
		e.check(in)
		m.checkCost(in, e.Cost)
		if e.One != nil {
			m.checkCost(in.in("one"), e.One.Cost)
		}
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
	checkTarget(p, e.Path, e.URL)
	if e.Body != "" && e.Method != MethodPost {
		p.add("body is set, and the method is %s", e.Method)
	}
	checkHeaders(p, e.Headers)
	checkPointer(p, "records", e.Records)
	checkPointer(p, "record", e.Record)
	checkPointer(p, "key", e.Key)
	if e.Key == "" {
		p.add("key is missing: the JSON pointer to the primary key within a record, such as \"/id\"")
	}
	if e.Mode != ModeFull && e.Mode != ModeChanges {
		p.add("mode %q is not full or changes", e.Mode)
	}
	if e.Cost < 0 {
		p.add("cost %d is negative", e.Cost)
	}
	checkScopes(p, e.Scopes)
	checkRights(p, e.Rights)
	switch e.Audience {
	case "", AudienceWorkforce, AudienceCustomers, AudienceObjects:
	default:
		p.add("audience %q is not workforce, customers or objects", e.Audience)
	}
	checkKind(p, e.Kind)
	e.Repeat.check(p.in("repeat"), e.PagedBody)
	if e.One != nil {
		e.One.check(p.in("one"))
	}
}

func (o One) check(p problems) {
	checkTarget(p, o.Path, o.URL)
	checkPointer(p, "records", o.Records)
	checkPointer(p, "record", o.Record)
	if o.Cost < 0 {
		p.add("cost %d is negative", o.Cost)
	}
	for _, text := range append([]string{o.Path, o.URL}, slices.Collect(maps.Values(o.Params))...) {
		if strings.Contains(text, "{{") && strings.Contains(text, "key") {
			return
		}
	}
	p.add("no template names the key: path = \"/users/{{ key }}\", or a parameter")
}

// checkKind refuses a kind that could not stand in an anchor.
func checkKind(p problems, kind string) {
	if kind != "" && !isName(kind) {
		p.add("kind %q is not a lower case letter, then up to 63 letters, digits, _ and -", kind)
	}
}

// check requires what a way of paging needs. inBody says that the body takes the
// position, so that no parameter has to.
func (r Repeat) check(p problems, inBody bool) {
	checkPointer(p, "next", r.Next)
	checkPointer(p, "more", r.More)
	checkPointer(p, "total", r.Total)
	placed, told := r.Param != "" || inBody, r.Next != "" || r.NextHeader != ""
	switch r.Style {
	case RepeatNone, RepeatLinkHeader:
	case RepeatOffset, RepeatPage:
		if !placed {
			p.add("style %s needs param, the query parameter that takes the position", r.Style)
		}
	case RepeatCursor:
		if !placed || !told {
			p.add("style cursor needs param, and next or next_header")
		}
	case RepeatNextURL:
		if !told {
			p.add("style next_url needs next, the JSON pointer to the URL, or next_header")
		}
	default:
		p.add("style %q is not none, cursor, offset, page, next_url or link_header", r.Style)
	}
	if r.Next != "" && r.NextHeader != "" {
		p.add("next and next_header exclude each other")
	}
	if r.Total != "" && r.TotalHeader != "" {
		p.add("total and total_header exclude each other")
	}
	if r.MaxPages < 0 || r.MaxPages > MaxRequests {
		p.add("max_pages %d is not between 0 and %d", r.MaxPages, MaxRequests)
	}
	if r.MaxEmpty < 0 || r.MaxEmpty > MaxRequests/2 {
		p.add("max_empty %d is not between 0 and %d", r.MaxEmpty, MaxRequests/2)
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
