package sdk

import (
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// StepOf returns the step of a paging style.
func StepOf(r abi.Repeat) (Step, error) {
	styles := map[abi.RepeatStyle]func(Page, abi.Repeat, *Request) (bool, error){
		abi.RepeatCursor: cursorStep, abi.RepeatOffset: offsetStep, abi.RepeatPage: pageStep,
		abi.RepeatNextURL: nextURLStep, abi.RepeatLinkHeader: linkHeaderStep,
	}
	if r.Style == abi.RepeatNone || r.Style == "" {
		return func(Page, *Request) (bool, error) { return false, nil }, nil
	}
	step, ok := styles[r.Style]
	if !ok {
		return nil, Errorf(abi.KindConfig, "repeat style %q is not known", r.Style)
	}
	return func(p Page, req *Request) (bool, error) {
		s, err := says(p, r)
		if err != nil || s.last {
			return false, err
		}
		p.says = s
		return step(p, r, req)
	}, nil
}

// said is what an answer says itself about a further page.
type said struct {
	last bool
	more string // what says that there is another page; "" when nothing does
}

// says returns what an answer says about a further page: by until, or at more.
func says(p Page, r abi.Repeat) (said, error) {
	switch {
	case r.Until != "":
		last, err := p.Response.last(p)
		return said{last, "until is false"}, err
	case r.More != "":
		more, ok, err := p.Response.GetBool(r.More)
		s := said{last: ok && !more}
		if more {
			s.more = r.More + " is true"
		}
		return s, err
	}
	return said{}, nil
}

// last reports whether the endpoint's until says that this was the last page.
func (r *Response) last(p Page) (bool, error) {
	n := r.call.host.PageUntil(r.handle, p.Number, p.Records, p.Total)
	if n < 0 {
		err := r.call.fault("page_until", int64(n))
		return false, r.Errorf(KindOf(err), "%s: until: %v", r.Place(), err)
	}
	return n == 1, nil
}

// next returns what an answer has at next, or in the header; "" for nothing.
func next(p Page, r abi.Repeat) (string, error) {
	if r.NextHeader != "" {
		return p.Response.Header(r.NextHeader), nil
	}
	return p.Response.GetText(r.Next)
}

// nextPlace names the place of the next position for messages.
func nextPlace(r abi.Repeat) string {
	if r.NextHeader != "" {
		return "in the header " + r.NextHeader
	}
	return "at " + strconv.Quote(r.Next)
}

// claimsMore returns an error when the answer says that there is more, but not
// where.
func claimsMore(p Page, r abi.Repeat) error {
	if p.says.more == "" {
		return nil
	}
	return Errorf(abi.KindBadResponse, "%s says that there is more (%s) and not where: nothing %s",
		p.Response.Place(), p.says.more, nextPlace(r))
}

func cursorStep(p Page, r abi.Repeat, req *Request) (bool, error) {
	position, err := next(p, r)
	if err != nil {
		return false, err
	}
	if position == "" {
		return false, claimsMore(p, r)
	}
	req.goTo(r, position)
	return true, nil
}

func offsetStep(p Page, r abi.Repeat, req *Request) (bool, error) {
	at, err := number(req.where(r), r.Param)
	if err != nil {
		return false, err
	}
	to := at + p.Records
	if r.Next != "" || r.NextHeader != "" {
		text, err := next(p, r)
		if err != nil {
			return false, err
		}
		if text == "" {
			return false, claimsMore(p, r)
		}
		if to, err = number(text, r.Next+r.NextHeader); err != nil {
			return false, err
		}
	} else if last(p, r) {
		return false, nil
	}
	if to <= at {
		return false, Errorf(abi.KindBadResponse, "%s makes no progress: after position %d comes %d, with %d records between",
			p.Response.Place(), at, to, p.Records)
	}
	req.goTo(r, strconv.FormatInt(to, 10))
	return true, nil
}

// last reports whether a page's size shows that it is the last. If the answer
// says whether there is more, the size shows nothing.
func last(p Page, r abi.Repeat) bool {
	return r.More == "" && r.Until == "" && (p.Records == 0 || p.Records < int64(r.Limit))
}

func pageStep(p Page, r abi.Repeat, req *Request) (bool, error) {
	at, err := number(req.where(r), r.Param)
	if err != nil || last(p, r) {
		return false, err
	}
	if p.Records == 0 {
		return false, Errorf(abi.KindBadResponse, "%s makes no progress: page %d is empty and says that there is more", p.Response.Place(), at)
	}
	req.goTo(r, strconv.FormatInt(at+1, 10))
	return true, nil
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

func nextURLStep(p Page, r abi.Repeat, req *Request) (bool, error) {
	url, err := next(p, r)
	if err != nil {
		return false, err
	}
	if url == "" {
		return false, claimsMore(p, r)
	}
	follow(req, url)
	return true, nil
}

// follow makes a URL the next request. The URL is complete: the path and
// parameters of the first page no longer apply.
func follow(req *Request, url string) {
	req.URL, req.Path, req.Query = url, "", map[string]string{}
}

func linkHeaderStep(p Page, _ abi.Repeat, req *Request) (bool, error) {
	next := nextLink(p.Response.Header("Link"))
	if next == "" {
		if p.says.more != "" {
			return false, Errorf(abi.KindBadResponse, "%s says that there is more (%s) and not where: no Link header has rel=\"next\"",
				p.Response.Place(), p.says.more)
		}
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
