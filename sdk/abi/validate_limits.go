package abi

import "slices"

func (m Manifest) checkCannot(p problems) {
	for _, c := range m.Cannot {
		c.check(p.in("cannot %q", c.Operation))
	}
}

func (l Limitation) check(p problems) {
	if l.Operation == "" || l.Reason == "" {
		p.add("operation and reason must both be there")
	}
	if (l.Method == "") != (l.Path == "") {
		p.add("method and path belong together")
	}
	if l.Method != "" && !slices.Contains(webhookMethods, l.Method) {
		p.add("method %q is not one of webhooks", l.Method)
	}
	if l.Path != "" {
		checkPattern(p, l.Path)
	}
	switch {
	case l.Path == "" && len(l.Only)+len(l.Fields) > 0:
		p.add("only and fields need method and path")
	case len(l.Only) > 0 && len(l.Fields) > 0:
		p.add("only and fields exclude each other")
	}
}

func (m Manifest) checkRates(p problems) {
	for _, r := range m.Rates {
		in := p.in("rate %q", r.Path)
		checkPattern(in, r.Path)
		if r.Method != "" && !isToken(r.Method) {
			in.add("method %q is not one of requests", r.Method)
		}
		if _, _, err := ParseRateLimit(r.Limit); err != nil {
			in.add("limit: %v", err)
		}
	}
}

// checkPattern checks a path pattern: each segment is literal or a single star.
func checkPattern(p problems, pattern string) {
	if len(pattern) < 2 || pattern[0] != '/' {
		p.add("path %q is not a slash and segments", pattern)
		return
	}
	for _, s := range segments(pattern) {
		if s == "" || s != "*" && slices.ContainsFunc([]byte(s), func(c byte) bool { return c == '*' || c == '?' || c == '%' }) {
			p.add("path %q: a segment is a text, or a star for any one", pattern)
		}
	}
}
