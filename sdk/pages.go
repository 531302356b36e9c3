package sdk

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Pages fetches every page of the call's endpoint as its definition says, and
// emits the records of each. classify judges every answer; failures are handled
// as in Retry.
func Pages(c *Call, classify Classifier) error {
	e := c.Endpoint()
	step, err := StepOf(e.Repeat)
	if err != nil {
		return err
	}
	return PagesBy(c, classify, step)
}

// Page is the state of paging, up to and including the last page fetched.
type Page struct {
	Response *Response
	Records  int64 // on this page
	Total    int64 // on all pages so far
	Number   int64 // of this page, from 1
	says     said
}

// Step changes the request into that of the next page, or reports that there is
// none. A connector supplies its own where the answer decides how to go on.
type Step func(Page, *Request) (more bool, err error)

// PagesBy is Pages with the connector's own step.
func PagesBy(c *Call, classify Classifier, step Step) error {
	e := c.Endpoint()
	req := EndpointRequest(e)
	seen := map[string]bool{}
	var total int64
	for number := int64(1); ; number++ {
		if err := c.fill(&req, e, number); err != nil {
			return err
		}
		at := position(req)
		if seen[at] {
			return Errorf(abi.KindBadResponse, "paging goes in circles: %s is asked for a second time after %d records", req.place(), total)
		}
		if len(at) > maxPosition {
			return Errorf(abi.KindBadResponse, "the position of the next page is %d bytes long, more than %d", len(at), maxPosition)
		}
		seen[at] = true
		resp, err := Retry(c, req, classify)
		if e.Single && gone(err) {
			return nil // a fetch without a record says it
		}
		if err != nil {
			return err
		}
		more, n, err := page(resp, e, Page{Total: total, Number: number}, step, &req)
		resp.Close()
		if err != nil || !more {
			return err
		}
		total += n
	}
}

// gone reports whether an answer says that there is nothing at its place.
func gone(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == 404 || e.Status == 410)
}

// maxPosition bounds what is remembered of each page, in bytes.
const maxPosition = 16 << 10

// fill puts the body of a page into its request, where the body takes the
// position.
func (c *Call) fill(req *Request, e abi.Endpoint, number int64) error {
	if !e.PagedBody {
		return nil
	}
	b, err := c.read("page_body", func(buf []byte) int64 { return c.host.PageBody(req.at, number, buf) })
	req.Body = string(b)
	if err != nil {
		return Errorf(KindOf(err), "the body of page %d: %v", number, err)
	}
	return nil
}

// page emits the records of a page and takes the step to the next one. so is the
// state before the page.
func page(resp *Response, e abi.Endpoint, so Page, step Step, req *Request) (more bool, n int64, err error) {
	n, err = resp.Emit(e.Records, EmitOptions{Record: e.Record, Keyed: e.Keyed})
	if err != nil {
		return false, 0, resp.Errorf(KindOf(err), "%s: %v", resp.Place(), err)
	}
	more, err = step(Page{Response: resp, Records: n, Total: so.Total + n, Number: so.Number}, req)
	return more, n, err
}

// EndpointRequest returns the request for the first page of an endpoint.
func EndpointRequest(e abi.Endpoint) Request {
	req := Request{
		Method: e.Method, Path: e.Path, URL: e.URL, Query: map[string]string{},
		Headers: e.Headers, Body: e.Body, Repeatable: true, Cost: e.Cost,
	}
	maps.Copy(req.Query, e.Params)
	if r := e.Repeat; r.LimitParam != "" {
		if _, set := req.Query[r.LimitParam]; !set {
			req.Query[r.LimitParam] = fmt.Sprint(r.Limit)
		}
	}
	if first, ok := firstPosition(e.Repeat, e.PagedBody); ok && req.where(e.Repeat) == "" {
		req.goTo(e.Repeat, strconv.Itoa(first))
	}
	return req
}

// where returns the position that a request asks for; "" for the beginning.
func (r Request) where(by abi.Repeat) string {
	if by.Param == "" {
		return r.at
	}
	return r.Query[by.Param]
}

// goTo makes a request ask for a position.
func (r *Request) goTo(by abi.Repeat, position string) {
	r.at = position
	if by.Param != "" {
		r.Query[by.Param] = position
	}
}

func firstPosition(r abi.Repeat, inBody bool) (int, bool) {
	switch {
	case r.First != nil && (r.Style == abi.RepeatOffset || r.Style == abi.RepeatPage):
		return *r.First, true
	case r.Style == abi.RepeatPage:
		return 1, true
	case r.Style == abi.RepeatOffset && inBody:
		return 0, true
	}
	return 0, false
}

// position returns the part of a request that paging changes.
func position(r Request) string {
	to := make([]byte, 0, 256)
	for _, s := range []string{r.URL, r.Path, r.Body} {
		to = appendSized(to, s)
	}
	for _, k := range names(r.Query) {
		to = appendSized(appendSized(to, k), r.Query[k])
	}
	return string(to)
}

func appendSized(to []byte, s string) []byte {
	return append(append(strconv.AppendInt(to, int64(len(s)), 10), ':'), s...)
}
