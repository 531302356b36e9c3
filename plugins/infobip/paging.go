package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// oldestFirst is the order in which new people come last, so that they shift
// nobody from one page to another while the pages are read.
const oldestFirst = "createdAt:asc"

// list is what has been read of a list that comes page by page. A page number
// says nothing about who is on the page. So each page is held against the ones
// before it: whoever is on none of them would count as missing.
type list struct {
	endpoint abi.Endpoint
	records  int64 // on all pages so far
	total    int64 // as the last answer says; -1 when none has said
	first    string
	created  string          // of the last record
	tail     map[string]bool // the keys of the last records of one createdAt
}

// pages delivers every page of the call's endpoint.
func pages(c *sdk.Call, j *judge) error {
	e := c.Endpoint()
	l := list{endpoint: e, total: -1, tail: map[string]bool{}}
	req := sdk.EndpointRequest(e)
	for {
		page, err := strconv.Atoi(req.Query[e.Repeat.Param])
		if err != nil || page < 0 {
			return sdk.Errorf(abi.KindConfig, "params: %s = %q is not the number of a page", e.Repeat.Param, req.Query[e.Repeat.Param])
		}
		resp, err := sdk.Retry(c, req, j.classify)
		if err != nil {
			return err
		}
		more, err := l.take(resp, req.Query)
		resp.Close()
		if err != nil || !more {
			return err
		}
		req.Query[e.Repeat.Param] = strconv.Itoa(page + 1)
	}
}

// take delivers a page and says whether there is another one.
func (l *list) take(r *sdk.Response, query map[string]string) (more bool, err error) {
	e := l.endpoint
	at := e.Records
	if strings.HasPrefix(strings.TrimSpace(r.Text(64)), "[") { // tags: the specification has an array, other lists are objects
		at = ""
	}
	n, err := r.Emit(at, sdk.EmitOptions{Record: e.Record, Keyed: e.Keyed})
	if err != nil {
		return false, notList(r, err)
	}
	l.records += n
	if n > 0 {
		if err := l.follows(r, at, n); err != nil {
			return false, err
		}
	}
	if err := l.count(r); err != nil {
		return false, err
	}
	short := n < limit(r, query[e.Repeat.LimitParam])
	if n == 0 && l.records < l.total {
		return false, bad(r, "the pages hold %d records, and %d are announced", l.records, l.total)
	}
	return !short || l.records < l.total, nil
}

// notList tells why the records of an answer cannot be found.
func notList(r *sdk.Response, err error) error {
	if id, _ := r.GetText("/id"); id != "" && errors.Is(err, abi.CodeNoValue) {
		return bad(r, "the answer is a single record (id %s), not a list", quote(id))
	}
	return bad(r, "%v", err)
}

func bad(r *sdk.Response, format string, args ...any) error {
	return r.Errorf(abi.KindBadResponse, "%s: "+format, append([]any{r.Place()}, args...)...)
}

// limit is the size of a full page: what the answer says, as it may hold less
// than was asked for, and otherwise what was asked for.
func limit(r *sdk.Response, asked string) int64 {
	for _, text := range []string{value(r, "/limit"), value(r, "/pagination/limit"), asked} {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 1 // until a page is empty
}

// value is a text or number of an answer; "" when there is none.
func value(r *sdk.Response, pointer string) string {
	text, err := r.GetText(pointer)
	if err != nil {
		return ""
	}
	return text
}

// count holds the announced number of records against the one before.
func (l *list) count(r *sdk.Response) error {
	before := l.total
	for _, pointer := range []string{"/totalCount", "/pagination/totalItems"} {
		if n, err := strconv.ParseInt(value(r, pointer), 10, 64); err == nil {
			l.total = n
			break
		}
	}
	if l.total < before {
		return bad(r, "%d records are announced after %d: while the list was read somebody was deleted, and another may have slipped to a page that was read before. The next run reads anew", l.total, before)
	}
	return nil
}

// follows wants a page that comes after the one before it.
func (l *list) follows(r *sdk.Response, at string, n int64) error {
	record := func(i int64) string { return at + "/" + strconv.FormatInt(i, 10) + l.endpoint.Record }
	key := func(i int64) string { return value(r, record(i)+l.endpoint.Key) }
	first := key(0)
	if first != "" && first == l.first {
		return bad(r, "the page starts with record %s as the one before: the same page came twice", quote(first))
	}
	l.first = first
	if l.endpoint.Params["orderBy"] != oldestFirst {
		return nil
	}
	created := func(i int64) string { return value(r, record(i)+"/createdAt") }
	if at := created(0); at < l.created {
		return bad(r, "a page starts with createdAt %s and the one before ends with %s: the list is not in the order that was asked for, so that somebody may be on no page", quote(at), quote(l.created))
	}
	for i := int64(0); i < n && l.created != "" && created(i) == l.created; i++ {
		if l.tail[key(i)] {
			return bad(r, "record %s is on two pages: another one may be on none", quote(key(i)))
		}
	}
	if last := created(n - 1); last != l.created {
		l.created, l.tail = last, map[string]bool{}
	}
	for i := n - 1; i >= 0 && l.created != "" && created(i) == l.created; i-- {
		l.tail[key(i)] = true
	}
	return nil
}
