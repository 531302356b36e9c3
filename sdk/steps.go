package sdk

import (
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// StepOf returns the step of a paging style.
func StepOf(r abi.Repeat) (Step, error) {
	switch r.Style {
	case abi.RepeatNone, "":
		return func(Page, *Request) (bool, error) { return false, nil }, nil
	case abi.RepeatCursor:
		return cursorStep(r), nil
	case abi.RepeatOffset:
		return offsetStep(r), nil
	case abi.RepeatPage:
		return pageStep(r), nil
	case abi.RepeatNextURL:
		return nextURLStep(r), nil
	case abi.RepeatLinkHeader:
		return linkHeaderStep, nil
	}
	return nil, Errorf(abi.KindConfig, "repeat style %q is not known", r.Style)
}

// ended reports whether the answer says that there is no more.
func ended(p Page, r abi.Repeat) (bool, error) {
	if r.More == "" {
		return false, nil
	}
	more, ok, err := p.Response.GetBool(r.More)
	return ok && !more, err
}

func cursorStep(r abi.Repeat) Step {
	return func(p Page, req *Request) (bool, error) {
		if end, err := ended(p, r); end || err != nil {
			return false, err
		}
		next, err := p.Response.GetText(r.Next)
		if err != nil {
			return false, err
		}
		if next == "" {
			return false, claimsMore(p, r)
		}
		req.Query[r.Param] = next
		return true, nil
	}
}

// claimsMore returns an error when the answer says that there is more, but not
// where.
func claimsMore(p Page, r abi.Repeat) error {
	if r.More == "" {
		return nil
	}
	if more, _, err := p.Response.GetBool(r.More); err != nil {
		return err
	} else if more {
		return Errorf(abi.KindBadResponse, "%s says that there is more (%s is true) and not where: nothing at %q",
			p.Response.Place(), r.More, r.Next)
	}
	return nil
}

func offsetStep(r abi.Repeat) Step {
	return func(p Page, req *Request) (bool, error) {
		at, err := number(req.Query[r.Param], r.Param)
		if err != nil {
			return false, err
		}
		if end, err := ended(p, r); end || err != nil {
			return false, err
		}
		next := at + p.Records
		if r.Next != "" {
			text, err := p.Response.GetText(r.Next)
			if err != nil {
				return false, err
			}
			if text == "" {
				return false, claimsMore(p, r)
			}
			if next, err = number(text, r.Next); err != nil {
				return false, err
			}
		} else if last(p, r) {
			return false, nil
		}
		if next <= at {
			return false, Errorf(abi.KindBadResponse, "%s makes no progress: after position %d comes %d, with %d records between",
				p.Response.Place(), at, next, p.Records)
		}
		req.Query[r.Param] = strconv.FormatInt(next, 10)
		return true, nil
	}
}

// last reports whether a page's size shows that it is the last. If the answer
// says whether there is more, the size shows nothing.
func last(p Page, r abi.Repeat) bool {
	return r.More == "" && (p.Records == 0 || p.Records < int64(r.Limit))
}

func pageStep(r abi.Repeat) Step {
	return func(p Page, req *Request) (bool, error) {
		at, err := number(req.Query[r.Param], r.Param)
		if err != nil {
			return false, err
		}
		if end, err := ended(p, r); end || err != nil || last(p, r) {
			return false, err
		}
		if p.Records == 0 {
			return false, Errorf(abi.KindBadResponse, "%s makes no progress: page %d is empty and says that there is more", p.Response.Place(), at)
		}
		req.Query[r.Param] = strconv.FormatInt(at+1, 10)
		return true, nil
	}
}

func number(text, where string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, Errorf(abi.KindBadResponse, "the position %q of %s is not a number", text, where)
	}
	return n, nil
}

func nextURLStep(r abi.Repeat) Step {
	return func(p Page, req *Request) (bool, error) {
		if end, err := ended(p, r); end || err != nil {
			return false, err
		}
		next, err := p.Response.GetText(r.Next)
		if err != nil {
			return false, err
		}
		if next == "" {
			return false, claimsMore(p, r)
		}
		follow(req, next)
		return true, nil
	}
}

// follow makes a URL the next request. The URL is complete: the path and
// parameters of the first page no longer apply.
func follow(req *Request, url string) {
	req.URL, req.Path, req.Query = url, "", map[string]string{}
}

func linkHeaderStep(p Page, req *Request) (bool, error) {
	next := nextLink(p.Response.Header("Link"))
	if next == "" {
		return false, nil
	}
	follow(req, next)
	return true, nil
}

// nextLink returns the target with the relation next in a Link header (RFC 8288
// section 3); "" when there is none.
func nextLink(header string) string {
	for header != "" {
		_, rest, ok := strings.Cut(header, "<")
		if !ok {
			return ""
		}
		target, rest, ok := strings.Cut(rest, ">")
		if !ok {
			return ""
		}
		params, rest := untilComma(rest)
		for _, p := range strings.Split(params, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			rels := strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)))
			for _, rel := range rels {
				if strings.EqualFold(strings.TrimSpace(name), "rel") && rel == "next" {
					return target
				}
			}
		}
		header = rest
	}
	return ""
}

// untilComma cuts at the first comma outside quotes.
func untilComma(s string) (before, after string) {
	quoted := false
	for i := range len(s) {
		switch s[i] {
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}
