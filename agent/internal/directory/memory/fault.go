package memory

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Request is what a Client is asked for.
type Request struct {
	Op     string   // as conn.Observer names it
	DN     ident.DN // base or object
	Filter string
	Write  bool
}

// Fault is what goes wrong with one request. The zero Fault is none.
type Fault struct {
	// Refuse is a result code that is answered instead, such as that of an
	// overloaded server; nothing is written.
	Refuse int
	// Unreachable: no connection could be made, and nothing was sent.
	Unreachable bool
	// LostBefore and LostAfter: the connection breaks before or after the
	// server has carried out the request. The outcome of a write is unknown
	// with both.
	LostBefore, LostAfter bool
	// Slow is how long the server takes. A caller that does not wait for it
	// has lost the connection before the request was carried out.
	Slow time.Duration
}

var (
	errLost        = errors.New("the connection was lost")
	errUnreachable = errors.New("connection refused")
)

func (f Fault) before(ctx context.Context, c *Client, r Request) error {
	url := c.server.URL
	switch {
	case ctx.Err() != nil:
		return conn.NoAnswer(r.Op, url, r.DN, ctx.Err(), false)
	case f.Unreachable:
		return conn.NoAnswer("connect", url, "", errUnreachable, false)
	case f.LostBefore:
		return conn.NoAnswer(r.Op, url, r.DN, errLost, r.Write)
	case f.Refuse != 0:
		return conn.Answer(r.Op, url, r.DN, f.Refuse, "00000000: refused on purpose")
	}
	if f.Slow > 0 {
		timer := time.NewTimer(f.Slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return conn.NoAnswer(r.Op, url, r.DN, ctx.Err(), r.Write)
		}
	}
	return nil
}
