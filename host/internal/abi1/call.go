// Package abi1 implements the functions of rollcall_v1, one file each; package
// abi and docs/connector-abi.md specify them. It keeps the state of a single
// call and nothing beyond it.
package abi1

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Call is the state of one call of a connector. One instance uses it, one
// function at a time.
type Call struct {
	// Context ends with the whole call; the context of the guest's code may end
	// earlier.
	Context context.Context    //nolint:containedctx // the guest's calls arrive with the context of its code
	Input   []byte             // what call_input returns
	Spec    jsonstream.Spec    // the guest sets Array and Record
	Sink    func(Record) error // nil: the call delivers no records
	Client  *web.Client
	Secrets Secrets // nil: there are none
	Macros  Macros  // nil: the call renders no templates
	Paging  Paging  // nil: the pages of the call need nothing evaluated
	Cursor  string  // what cursor_get returns
	Invoke  bool    // the call must have an answer
	Check   bool    // the call may deliver findings about Needs
	Needs   []abi.Need
	// LastHandle is the last handle that was given out, in this call or an
	// earlier one of the instance: no number is used twice.
	LastHandle int64

	// Limits on the bytes of bodies and on records; 0: the limits of package abi.
	MaxOpen, MaxTotal, MaxRecords int64
	MaxEmpty                      int // pages in a row that bring nothing new
	MaxPages                      int // pages of the whole call; 0: any number
	EndAt                         int // pages after which the call ends with ErrEnough; 0: none
	NoRepeats                     bool
	Total                         jsonstream.Pointer // to the number of all records in an answer; nil: nowhere
	TotalHeader                   string
	Clock                         *Clock
	Log                           *slog.Logger

	// The results of the call.
	Answer     *response // what the guest responded in an invoke; stays open until Close
	NextCursor string
	Findings   []abi.Finding // from a check
	Sent       bool          // a request other than GET and HEAD may have been carried out
	Failure    *Failure      // what the guest said with fail
	Broken     error         // why an answer proved broken after records of it were delivered: nothing of the call counts
	Refused    bool          // a host function refused something, other than that there is no value
	SinkErr    error         // the agent's error, when it took no more records
	Status     int           // HTTP status of the last answer
	After      time.Duration // how long nothing can be sent after the last request; 0: that is not known
	Requests   int
	Records    int64
	Bytes      int64
	Waited     time.Duration

	handles  map[int64]*response
	waits    int
	macros   int
	rendered *rendered
	openSize int64 // bytes of all open bodies
	problem  string
	lines    int
	batches  int // lists of records that the guest made
	progress progress
	pages    pages
}

// Failure is the reason that a guest gave for the call's failure.
type Failure struct {
	Kind abi.Kind
	Text string
}

// Record is one record, deletion or attachment that the guest delivered.
type Record struct {
	jsonstream.Record
	Deleted bool // the application reports the key as deleted
	Partial bool // the fields belong to the record with this key
}

type response struct {
	*web.Response
	index    jsonstream.Index
	number   int  // the request's place in its call, from 1
	Changes  bool // the request was neither GET nor HEAD
	released bool // the guest released it, but it is kept as the call's answer
}

type key struct{}

// With returns a context, for running the guest, that carries the call.
func With(ctx context.Context, c *Call) context.Context { return context.WithValue(ctx, key{}, c) }

func from(ctx context.Context) *Call {
	c, _ := ctx.Value(key{}).(*Call)
	return c
}

// Close frees the responses that the guest left open.
func (c *Call) Close() {
	for h := range c.handles {
		c.free(h)
	}
	if c.Answer != nil {
		c.Answer.Body.Close()
	}
}

func (c *Call) free(h int64) {
	r := c.handles[h]
	delete(c.handles, h)
	r.released = true
	if r != c.Answer {
		c.openSize -= r.Body.Size()
		r.Body.Close()
	}
}

// no stores a failure for last_error and returns its code.
func (c *Call) no(code abi.Code, format string, args ...any) int64 {
	c.problem = cut(fmt.Sprintf(format, args...))
	c.Refused = c.Refused || code != abi.CodeNoValue && code != abi.CodeNotArray
	return int64(code)
}

func (c *Call) open(h int64) (*response, int64) {
	if r, ok := c.handles[h]; ok {
		return r, 0
	}
	return nil, c.no(abi.CodeHandle, "handle %d is not open in this call", h)
}

// Line writes one line of the guest to the log, up to the limit of lines.
func (c *Call) Line(level slog.Level, text string) {
	c.lines++
	switch {
	case c.lines <= abi.MaxLogLines:
		c.Log.Log(c.Context, level, cut(text))
	case c.lines == abi.MaxLogLines+1:
		c.Log.Warn("the connector logs too much: the rest of this call is dropped", "lines", abi.MaxLogLines)
	}
}

// cut shortens a text and makes it one line of valid UTF-8.
func cut(text string) string {
	if len(text) > abi.MaxTextSize {
		text = text[:abi.MaxTextSize] + "..."
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7F {
			return ' '
		}
		return r
	}, text)
}

// code returns the code for an error of the packages that a call uses.
func code(err error) abi.Code {
	var sent *web.Error
	switch {
	case errors.As(err, &sent):
		return sent.Code
	case errors.Is(err, jsonstream.ErrNoValue):
		return abi.CodeNoValue
	case errors.Is(err, jsonstream.ErrNotArray):
		return abi.CodeNotArray
	case errors.Is(err, jsonstream.ErrTooLarge):
		return abi.CodeTooLarge
	case errors.Is(err, errManyRecords), errors.Is(err, errStalled), errors.Is(err, errPages):
		return abi.CodeLimit
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return abi.CodeDeadline
	case errors.Is(err, jsonstream.ErrDelivery), errors.Is(err, errStopped):
		return abi.CodeStopped
	case errors.Is(err, jsonstream.ErrRead):
		return abi.CodeNetwork
	}
	return abi.CodeNotJSON
}
