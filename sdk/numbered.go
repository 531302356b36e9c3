package sdk

import (
	"errors"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Numbered reads lists that come in numbered pages. A page number does not
// identify the records on the page: an addition or deletion while the list is
// read shifts the others. A record that slips from an unread page to one
// already read would count as missing, so each page is compared with the pages
// before it.
type Numbered struct {
	Totals []string // JSON pointers to the announced number of records; the first that exists counts
	Limits []string // JSON pointers to the size of a full page, which may be less than requested
	// Ordered is the JSON pointer, within a record, to the text that the list is
	// sorted by; "" when no order is known. New records must sort last.
	Ordered string
}

// numbered holds what has been read so far.
type numbered struct {
	Numbered
	endpoint abi.Endpoint
	records  int64
	total    int64 // as the last answer says; -1 until one says
	first    string
	last     string          // the text that the last record is sorted by
	tail     map[string]bool // the keys of the last records that share that text
}

// Pages delivers every page of the call's endpoint, whose repeat has style page.
func (n Numbered) Pages(c *Call, classify Classifier) error {
	e := c.Endpoint()
	if e.ByHost() { // the configuration says itself how the pages go on
		return Pages(c, classify)
	}
	l := numbered{Numbered: n, endpoint: e, total: -1, tail: map[string]bool{}}
	req := EndpointRequest(e)
	for {
		page, err := strconv.Atoi(req.Query[e.Repeat.Param])
		if err != nil || page < 0 {
			return Errorf(abi.KindConfig, "params: %s = %q is not the number of a page", e.Repeat.Param, req.Query[e.Repeat.Param])
		}
		resp, err := Retry(c, req, classify)
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

// take delivers a page and reports whether another one follows.
func (l *numbered) take(r *Response, query map[string]string) (more bool, err error) {
	at := l.endpoint.Records
	if strings.HasPrefix(strings.TrimSpace(r.Text(64)), "[") { // the array itself, where an object was expected
		at = ""
	}
	n, err := r.Emit(at, EmitOptions{Record: l.endpoint.Record, Keyed: l.endpoint.Keyed})
	if id, _ := r.GetText(l.endpoint.Key); id != "" && errors.Is(err, abi.CodeNoValue) {
		return false, r.Bad("the answer is a single record (%s %s), not a list", strings.TrimPrefix(l.endpoint.Key, "/"), Quote(id))
	}
	if err != nil {
		return false, r.Errorf(KindOf(err), "%s: %v", r.Place(), err)
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
	if n == 0 && l.records < l.total {
		return false, r.Bad("the pages hold %d records, and %d are announced", l.records, l.total)
	}
	return n >= l.limit(r, query) || l.records < l.total, nil
}

// limit returns the size of a full page: what the answer says, because it may
// be less than requested, and otherwise the requested size.
func (l *numbered) limit(r *Response, query map[string]string) int64 {
	if n, ok := r.number(l.Limits); ok && n > 0 {
		return n
	}
	if n, err := strconv.ParseInt(query[l.endpoint.Repeat.LimitParam], 10, 64); err == nil && n > 0 {
		return n
	}
	return 1 // until a page is empty
}

// number returns the first number that exists at the pointers.
func (r *Response) number(pointers []string) (int64, bool) {
	for _, at := range pointers {
		if n, err := strconv.ParseInt(r.text(at), 10, 64); err == nil {
			return n, true
		}
	}
	return 0, false
}

// text returns a text or number of an answer; "" when there is none.
func (r *Response) text(pointer string) string {
	text, err := r.GetText(pointer)
	if err != nil {
		return ""
	}
	return text
}

// count compares the announced number of records with the one announced before.
func (l *numbered) count(r *Response) error {
	before := l.total
	if n, ok := r.number(l.Totals); ok {
		l.total = n
	}
	if l.total < before {
		return r.Bad("%d records are announced after %d: while the list was read somebody was deleted, "+
			"and another may have slipped to a page that was read before. The next run reads anew", l.total, before)
	}
	return nil
}

// follows checks that a page comes after the one before it.
func (l *numbered) follows(r *Response, at string, n int64) error {
	record := func(i int64) string { return at + "/" + strconv.FormatInt(i, 10) + l.endpoint.Record }
	key := func(i int64) string { return r.text(record(i) + l.endpoint.Key) }
	first := key(0)
	if first != "" && first == l.first {
		return r.Bad("the page starts with record %s as the one before: the same page came twice", Quote(first))
	}
	l.first = first
	if l.Ordered == "" {
		return nil
	}
	order := func(i int64) string { return r.text(record(i) + l.Ordered) }
	faulty := func(i int64) bool { // bad text is a fault of that record, and says nothing about the order
		_, err := r.GetText(record(i) + l.Ordered)
		return errors.Is(err, abi.CodeNotJSON)
	}
	if at := order(0); at < l.last && !faulty(0) {
		return r.Bad("a page starts with %s %s and the one before ends with %s: the list is not in the order that was asked for, "+
			"so that somebody may be on no page", l.Ordered[1:], Quote(at), Quote(l.last))
	}
	for i := int64(0); i < n && l.last != "" && order(i) == l.last; i++ {
		if l.tail[key(i)] {
			return r.Bad("record %s is on two pages: another one may be on none", Quote(key(i)))
		}
	}
	if last := order(n - 1); last != l.last && !faulty(n-1) {
		l.last, l.tail = last, map[string]bool{}
	}
	for i := n - 1; i >= 0 && l.last != "" && order(i) == l.last; i-- {
		l.tail[key(i)] = true
	}
	return nil
}
