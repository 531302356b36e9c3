package memory

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Request is what a Client is asked to do.
type Request struct {
	Op     string   // as conn.Observer names it
	DN     ident.DN // base or object
	Filter string
	Write  bool
}

// Fault says what goes wrong with one request. The zero Fault is none.
type Fault struct {
	// Refuse is a result code to answer with instead, such as that of an
	// overloaded server; nothing is written.
	Refuse int
	// Unreachable means that no connection can be made and nothing is sent.
	Unreachable bool
	// LostBefore and LostAfter break the connection before or after the server
	// carries out the request. Either way the outcome of a write is unknown to
	// the client.
	LostBefore, LostAfter bool
	// Slow is how long the server takes. A caller that does not wait that long
	// loses the connection before the request is carried out.
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
