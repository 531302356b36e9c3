package sdk

import (
	"errors"
	"maps"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Deliver carries out the call's webhook as it is defined, and responds with
// its answer. classify (nil: Classify) is asked about every answer.
//
// A request is sent again only when that is safe: its method is GET or HEAD,
// the webhook is repeatable, or the application refused it (429) before it did
// anything. Any other one, such as a create, is sent again only when the
// webhook has a verify: that is asked first, and its answer is the webhook's
// when it shows that the request was carried out. The same holds for the first
// attempt of a call that comes after one that may have been carried out.
func Deliver(c *Call, classify Classifier) error {
	if classify == nil {
		classify = Classify
	}
	w := c.Webhook()
	req := WebhookRequest(w)
	attempts, maxWait := c.limits()
	safe := req.Repeatable || req.Method == abi.MethodGet || req.Method == abi.MethodHead
	unknown := c.Again()
	for attempt := 1; ; attempt++ {
		if unknown && !safe && w.Verify != nil {
			if done, err := verify(c, *w.Verify, classify); done || err != nil {
				return err
			}
		}
		resp, err := c.try(req, classify)
		if err == nil {
			defer resp.Close()
			return resp.Respond()
		}
		refused := wasRefused(err)
		if attempt >= attempts || !transient(err) || !safe && !refused && w.Verify == nil {
			return err
		}
		unknown = unknown || !refused
		if err := c.pause(err, attempt, attempts, maxWait); err != nil {
			return err
		}
	}
}

// wasRefused reports whether a failure says that nothing was carried out.
func wasRefused(err error) bool {
	var own *Error
	return errors.As(err, &own) && own.Kind == abi.KindRateLimited && own.Status == 429
}

// verify asks whether an earlier attempt was carried out, and responds when it
// was.
func verify(c *Call, v abi.Verify, classify Classifier) (done bool, err error) {
	resp, err := Retry(c, Request{Method: v.Method, Path: v.Path, URL: v.URL, Query: maps.Clone(v.Params), Repeatable: true}, func(r *Response) error {
		if missing(r) {
			return nil
		}
		return classify(r)
	})
	if err != nil {
		return false, err
	}
	defer resp.Close()
	if missing(resp) {
		return false, nil
	}
	if v.Found != "" {
		raw, err := resp.Get(v.Found)
		if errors.Is(err, abi.CodeNoValue) || string(raw) == "null" {
			return false, nil
		}
		if err != nil {
			return false, resp.Errorf(KindOf(err), "%s: %v", resp.Place(), err)
		}
	}
	return true, resp.Respond()
}

func missing(r *Response) bool { return r.Status() == 404 || r.Status() == 410 }

// WebhookRequest is the request of a webhook. The type of its body becomes the
// Content-Type, unless the webhook's headers have one.
func WebhookRequest(w abi.Webhook) Request {
	req := Request{
		Method: w.Method, Path: w.Path, URL: w.URL, Query: maps.Clone(w.Params),
		Headers: maps.Clone(w.Headers), Repeatable: w.Repeatable, Cost: w.Cost,
	}
	if req.Method == "" {
		req.Method = abi.MethodPost
	}
	kind := w.MessageType
	if kind == "" && w.Body != "" {
		kind = abi.MessageJSON
	}
	types := map[abi.MessageType]string{
		abi.MessageJSON: "application/json", abi.MessageForm: "application/x-www-form-urlencoded",
		abi.MessageXML: "application/xml", abi.MessageText: "text/plain; charset=utf-8",
	}
	contentType, has := types[kind]
	if !has {
		return req
	}
	req.Body = w.Body
	for name := range req.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return req
		}
	}
	if req.Headers == nil {
		req.Headers = map[string]string{}
	}
	req.Headers["Content-Type"] = contentType
	return req
}
