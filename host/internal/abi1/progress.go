package abi1

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/url"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// progress makes sure that a fetch comes to an end. Without it, an application
// that hands out cursors for ever, or always serves the same page, would keep
// the fetch busy until its time is over. Deliveries are remembered by page, in
// eight bytes each, not by record.
type progress struct {
	seed   maphash.Seed
	seen   map[uint64]struct{}
	answer int64 // the handle of the last page; 0: the guest made it

	// Counted since something new was delivered.
	pages, requests, keyless int
	problem                  string // of the last record without a key
	request                  string // the last request

	stalled error
}

var errStalled = errors.New("the fetch makes no progress")

// Stalled returns why a fetch without progress was ended; nil when it was not.
func (c *Call) Stalled() error { return c.progress.stalled }

// send counts a request. It refuses the request if too many before it brought
// nothing new.
func (p *progress) send(r abi.Request, empty int) error {
	if p.stalled == nil && p.requests >= max(abi.MaxIdleRequests, 2*empty) {
		p.stall(fmt.Sprintf("%d requests in a row", p.requests))
	}
	if p.stalled != nil {
		return p.stalled
	}
	p.requests++
	p.request = target(r)
	return nil
}

// empty returns how many pages in a row may bring nothing new.
func (c *Call) empty() int {
	if c.MaxEmpty > 0 {
		return c.MaxEmpty
	}
	return abi.MaxIdlePages
}

func (p *progress) stall(what string) {
	keyless := ""
	if p.keyless > 0 {
		keyless = fmt.Sprintf(" (%d records without a usable key; of the last: %s)", p.keyless, p.problem)
	}
	last := "No request was sent"
	if p.request != "" {
		last = "The last request was " + p.request
	}
	p.stalled = fmt.Errorf("%s brought no record that was not delivered before%s: %w. %s", what, keyless, errStalled, last)
}

// sum adds a record's key to the sum that a page is remembered by, which does
// not depend on the order of the keys.
func (p *progress) sum(before uint64, rec jsonstream.Record) uint64 {
	if rec.Key == "" {
		p.keyless, p.problem = p.keyless+1, rec.Problem
		return before
	}
	return before + p.hash(rec.Key)
}

func (p *progress) hash(text string) uint64 {
	if p.seen == nil {
		p.seed, p.seen = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	return maphash.String(p.seed, text)
}

// delivered counts a list of records. Several lists from one answer are one
// page.
func (p *progress) delivered(sum uint64, answer int64, empty int) error {
	counted := answer != 0 && answer == p.answer
	p.answer = answer
	if p.fresh(sum) || counted {
		return nil
	}
	if p.pages++; p.pages >= empty {
		p.stall(fmt.Sprintf("%d pages in a row", p.pages))
	}
	return p.stalled
}

// fresh remembers a delivery by its sum, and reports whether it is new. The sum
// 0 is an empty delivery, which is never new.
func (p *progress) fresh(sum uint64) bool {
	if _, known := p.seen[sum]; known || sum == 0 {
		return false
	}
	p.seen[sum] = struct{}{}
	p.pages, p.requests, p.keyless = 0, 0, 0
	return true
}

// single counts a deletion or an attachment.
func (p *progress) single(rec Record, what string) {
	p.fresh(p.hash(what + "\x00" + rec.Key))
}

// target describes a request for people.
func target(r abi.Request) string {
	method, at := r.Method, r.URL
	if method == "" {
		method = abi.MethodGet
	}
	if at == "" {
		at = r.Path
	}
	query := url.Values{}
	for name, v := range r.Query {
		query.Set(name, v)
	}
	if text := query.Encode(); text != "" {
		at += "?" + text
	}
	if len(at) > shownTarget {
		at = at[:shownTarget] + "..."
	}
	return method + " " + at
}

const shownTarget = 300 // bytes
