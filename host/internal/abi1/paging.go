package abi1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Paging evaluates what the configuration says about the pages of a fetch. An
// error that wraps an abi.Code has that code.
type Paging interface {
	// Body returns the body of the request for a page: its position ("" at the
	// beginning) and its number, from 1.
	Body(ctx context.Context, position string, number int64) (string, error)
	// Until reports whether a page is the last.
	Until(ctx context.Context, page Page) (bool, error)
}

// Page is one page of an answer. Number counts from 1, Records are those of this
// page, Total those of all pages so far.
type Page struct {
	Number, Records, Total int64
	// At returns the raw JSON at the members of the answer; an error that wraps
	// abi.CodeNoValue says that there is nothing.
	At func(members ...string) (json.RawMessage, error)
}

// pageBody renders the body for a page: docs/connector-abi.md, page_body.
func pageBody(f *frame) int64 {
	position, number, buf := f.bytes(), f.i64(), f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	switch {
	case c.Paging == nil:
		return c.no(abi.CodeState, "the endpoint of this call has no body that takes a position")
	case len(position) > abi.MaxCursorSize:
		return c.no(abi.CodeTooLarge, "a position of %d bytes, more than %d", len(position), abi.MaxCursorSize)
	case !utf8.Valid(position):
		return c.no(abi.CodeInput, "the position is not UTF-8")
	case c.macros >= abi.MaxMacros:
		return c.no(abi.CodeLimit, "%d templates in one call", c.macros)
	}
	c.macros++
	text, err := c.Paging.Body(f.ctx, string(position), number)
	switch {
	case err != nil:
		return c.no(macroCode(err), "%s", c.hidden(f.ctx, err.Error()))
	case len(text) > abi.MaxMacroSize:
		return c.no(abi.CodeTooLarge, "the body has %d bytes, more than %d", len(text), abi.MaxMacroSize)
	case c.hidden(f.ctx, text) != text:
		return c.no(abi.CodeRefused, "a value of the body holds a secret of the application")
	}
	return give(buf, []byte(text))
}

// pageUntil evaluates until: docs/connector-abi.md, page_until.
func pageUntil(f *frame) int64 {
	h, number, records, total := f.i64(), f.i64(), f.i64(), f.i64()
	c := f.call
	r, bad := c.open(h)
	if r == nil {
		return bad
	}
	if c.Paging == nil {
		return c.no(abi.CodeState, "the endpoint of this call has no until")
	}
	var broken error // of the body: it weighs more than what an expression makes of it
	last, err := c.Paging.Until(f.ctx, Page{number, records, total, func(members ...string) (json.RawMessage, error) {
		raw, err := jsonstream.Find(r.readerAt(f.ctx), r.Body.Size(), &r.index, members, abi.MaxValueSize)
		if err != nil {
			if !errors.Is(err, jsonstream.ErrNoValue) && broken == nil {
				broken = err
			}
			return nil, fmt.Errorf("%w: %w", code(err), err)
		}
		return raw, nil
	}})
	switch {
	case broken != nil:
		return c.no(code(broken), "%s", r.blame(broken))
	case err != nil:
		return c.no(macroCode(err), "%s", c.hidden(f.ctx, err.Error()))
	case last:
		return 1
	}
	return 0
}

// pages follows how many pages and records came, and how many were announced.
type pages struct {
	count    int
	listed   int64 // records in lists
	answer   int64 // the handle of the last page; 0: the guest made it
	begun    bool
	total    int64 // as the last answer says
	told     bool
	odd      string // what the last answer has there instead of a number
	fault    error
	faultTip string
}

// Pages returns how many pages came.
func (c *Call) Pages() int { return c.pages.count }

// ErrEnough ends a fetch at the number of pages that is wanted.
var ErrEnough = errors.New("the fetch was ended at the number of pages that is wanted")

// PageFault returns why the pages of the call are not a whole delivery, and first what
// to do; nil when nothing is wrong. ended says that the guest takes the delivery
// for whole.
func (c *Call) PageFault(ended bool) (next string, err error) {
	p := &c.pages
	announces := c.Total != nil || c.TotalHeader != ""
	if p.fault != nil || !ended || c.Sink == nil || !announces {
		return p.faultTip, p.fault
	}
	at := "in the header " + c.TotalHeader
	if c.Total != nil {
		at = "at " + c.Total.String()
	}
	switch {
	case !p.told && p.odd != "":
		return "correct total", fmt.Errorf("the number of all records is expected %s, and the answer has %s there", at, p.odd)
	case !p.told:
		return "correct total, or take it away", fmt.Errorf("the number of all records is expected %s, and no answer has one there", at)
	case p.total != p.listed:
		return "nothing was changed; the next run reads anew. If it stays so, a page is missing (see repeat), or total counts something else",
			fmt.Errorf("%d records came, and the last answer announces %d %s", p.listed, p.total, at)
	}
	return "", nil
}

// fail notes that the delivery is not whole, whatever follows.
func (p *pages) fail(next, format string, args ...any) error {
	p.fault, p.faultTip = fmt.Errorf(format, args...), next
	return fmt.Errorf("%w: %w", errPages, p.fault)
}

var errPages = errors.New("the pages are not a whole delivery")

// page counts a list of records that is about to be delivered. Several lists of
// one answer are one page.
func (c *Call) page(answer int64) error {
	p := &c.pages
	if p.fault != nil {
		return fmt.Errorf("%w: %w", errPages, p.fault)
	}
	if p.begun && answer != 0 && answer == p.answer {
		return nil
	}
	p.begun, p.answer = true, answer
	if p.count++; c.MaxPages > 0 && p.count > c.MaxPages {
		return p.fail("see how the application ends its list (rollcall test endpoint shows the pages), or allow more pages",
			"there are more than %d pages, which max_pages of the endpoint's repeat allows. The last request was %s", c.MaxPages, c.progress.request)
	}
	return nil
}

// repeats refuses a page that was delivered before: an application that ignores
// the position would otherwise look like one whose list has ended.
func (c *Call) repeats(sum uint64, answer int64) error {
	p := &c.progress
	if _, known := p.seen[sum]; !c.NoRepeats || !known || sum == 0 || answer == 0 || answer == p.answer {
		return nil
	}
	return c.pages.fail("nothing was changed; see whether the application understands the position: repeat of the "+
		"endpoint says how it is sent",
		"the page repeats: the same records came before. The last request was %s", p.request)
}

// announced reads the number of all records from a page.
func (c *Call) announced(r *response) {
	p := &c.pages
	var text string
	switch {
	case c.TotalHeader != "":
		text = strings.TrimSpace(r.Header.Get(c.TotalHeader))
	case c.Total != nil:
		raw, err := jsonstream.Find(r.readerAt(c.Context), r.Body.Size(), &r.index, c.Total, abi.MaxKeySize)
		if err != nil {
			return
		}
		text = strings.Trim(string(raw), `"`)
	}
	if text == "" || text == "null" {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		p.told, p.odd = false, cut(text)
		return
	}
	p.told, p.total = true, n
}
