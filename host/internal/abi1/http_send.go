package abi1

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// httpSend sends a request: docs/connector-abi.md, http_send.
func httpSend(f *frame) int64 {
	request := f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	if len(request) > abi.MaxRequestSize {
		return c.no(abi.CodeTooLarge, "the request is %d bytes of JSON, more than %d", len(request), abi.MaxRequestSize)
	}
	var r abi.Request
	if err := json.Unmarshal(request, &r); err != nil {
		return c.no(abi.CodeInput, "decode request: %v", err)
	}
	if len(r.Headers) > abi.MaxFields || len(r.Query) > abi.MaxFields {
		return c.no(abi.CodeInput, "%d headers and %d query parameters, more than %d", len(r.Headers), len(r.Query), abi.MaxFields)
	}
	if len(c.handles) >= abi.MaxHandles {
		return c.no(abi.CodeLimit, "%d responses are open: release them first", len(c.handles))
	}
	if c.Requests >= abi.MaxRequests {
		return c.no(abi.CodeLimit, "%d requests in one call", c.Requests)
	}
	if c.EndAt > 0 && c.pages.count >= c.EndAt && c.SinkErr == nil {
		c.SinkErr = ErrEnough
	}
	if c.SinkErr != nil {
		return c.no(abi.CodeStopped, "%v", c.SinkErr)
	}
	if c.Sink != nil {
		if err := c.progress.send(r, c.empty()); err != nil {
			return c.no(abi.CodeLimit, "%v", err)
		}
	}
	room := min(abi.MaxBodySize, c.limit(c.MaxOpen, abi.MaxOpenSize)-c.openSize, c.limit(c.MaxTotal, abi.MaxCallSize)-c.Bytes)
	if room <= 0 {
		return c.no(abi.CodeLimit, "the bodies that are open have %d bytes, all of this call %d: no more is taken in", c.openSize, c.Bytes)
	}
	c.Client.MaxBody = room
	c.Requests++
	defer c.Clock.Pause()()
	resp, err := c.Client.Send(c.Context, r)
	c.Sent = c.Sent || changes(r.Method) && mayBeDone(resp, err)
	c.After = after(c.Client, resp, err)
	if err != nil {
		c.Status = 0
		return c.no(code(err), "%v", err)
	}
	if c.handles == nil {
		c.handles = map[int64]*response{}
	}
	c.LastHandle++
	c.handles[c.LastHandle] = &response{Response: resp, Changes: changes(r.Method), number: c.Requests}
	c.Status = resp.Status
	c.Bytes += resp.Body.Size()
	c.openSize += resp.Body.Size()
	return c.LastHandle
}

func (c *Call) limit(set, usual int64) int64 {
	if set > 0 {
		return set
	}
	return usual
}

func changes(method string) bool {
	return method != "" && method != abi.MethodGet && method != abi.MethodHead
}

// after returns how long nothing can be sent after a request that was kept back,
// or that the application turned away for the moment; 0 when that is not known.
func after(client *web.Client, resp *web.Response, err error) time.Duration {
	var kept *web.Error
	switch {
	case errors.As(err, &kept):
		return kept.After
	case err == nil && (resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusServiceUnavailable):
		return client.Limiter.Paused()
	}
	return 0
}

// mayBeDone reports whether the application may have carried out a request.
// Only a refusal by the application, or an error before the request was sent,
// shows that it did not.
func mayBeDone(resp *web.Response, err error) bool {
	if err != nil {
		c := code(err)
		return c != abi.CodeInput && c != abi.CodeRateLimited
	}
	return resp.Status < 400 || resp.Status >= 500 || resp.Status == http.StatusRequestTimeout
}
