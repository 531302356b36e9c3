package host

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Exchange is one request as it was sent, and what came back, both without
// secrets.
type Exchange = web.Exchange

// Rehearsal is what a webhook would send.
type Rehearsal struct {
	// Requests are those that the connector begins with. What it sends after
	// them may depend on the answers.
	Requests []Exchange `json:"requests"`
	// Whole is the webhook itself as a request, in case the connector asks for
	// something first.
	Whole Exchange `json:"whole"`
	// Verify is the request that tells whether an earlier call succeeded; nil
	// when the webhook has none.
	Verify *Exchange `json:"verify,omitempty"`
}

// Exact reports whether the connector begins with the webhook itself, so that
// nothing can be different when it is sent.
func (r Rehearsal) Exact() bool { return len(r.Requests) > 0 && same(r.Requests[0], r.Whole) }

func same(a, b Exchange) bool {
	path := func(x Exchange) string { at, _, _ := strings.Cut(x.URL, "?"); return at }
	return a.Method == b.Method && path(a) == path(b)
}

// Rehearse returns the requests of a webhook without sending any. The
// credentials are left out. An application whose token says where its API is may
// be asked for a token. The error is that of Invoke for a webhook that is not
// sent at all.
func (c *Connector) Rehearse(ctx context.Context, app Application, call abi.InvokeCall) (Rehearsal, error) {
	if err := c.checkInvoke(app, &call.Webhook); err != nil {
		return Rehearsal{}, err
	}
	var out Rehearsal
	var err error
	w := call.Webhook
	request := abi.Request{Method: w.Method, Path: w.Path, URL: w.URL, Query: w.Params, Headers: w.RequestHeaders()}
	if w.SendsBody() {
		request.Body = w.Body
	}
	if out.Whole, err = c.composed(ctx, app, request); err != nil {
		return out, err
	}
	if v := w.Verify; v != nil {
		x, err := c.composed(ctx, app, abi.Request{Method: v.Method, Path: v.Path, URL: v.URL, Query: v.Params})
		if err != nil {
			return out, err
		}
		out.Verify = &x
		if call.Webhook.Verify.Always {
			call.Webhook.Verify = nil // whether it is asked is known; what follows is of interest
		}
	}
	app.rehearse = true
	app.Watch = func(x Exchange) {
		x.Problem = ""
		out.Requests = append(out.Requests, x)
	}
	call.Retry.Attempts = 1
	_, err = c.Invoke(ctx, app, call)
	if len(out.Requests) == 0 {
		return out, err
	}
	out.Requests = slices.CompactFunc(out.Requests, func(a, b Exchange) bool { return same(a, b) && a.URL == b.URL })
	return out, nil
}

// composed returns a request as it would be sent.
func (c *Connector) composed(ctx context.Context, app Application, r abi.Request) (Exchange, error) {
	var out Exchange
	app.rehearse, app.Watch = true, func(x Exchange) { out = x }
	client, err := c.client(app, true)
	if err != nil {
		return out, c.fault(app, abi.FunctionInvoke, abi.KindConfig, err.Error())
	}
	defer client.Close()
	_, err = client.Send(ctx, r)
	if out.URL == "" {
		return out, c.fault(app, abi.FunctionInvoke, abi.KindConfig, err.Error())
	}
	out.Problem = ""
	return out, nil
}
