package sdk

import (
	"errors"
	"maps"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Delivery carries out webhooks. The zero value does what Deliver does.
//
// A request is sent again only when that is safe: its method is GET or HEAD,
// the webhook is repeatable, or the application refused it with 429 before it
// did anything. Any other request, such as a create, is sent again only if the
// webhook has a verify. The verify is asked first; when it shows that the
// request was carried out, its answer becomes the webhook's. The verify is also
// asked before the first attempt of a call that follows one that may have been
// carried out and, if it says always, before every first attempt.
type Delivery struct {
	Classify Classifier // judges every answer; nil is Classify
	// Prepare is called before each attempt and may change the request, for
	// example to ask only for what is still absent. If it returns a response,
	// that is the webhook's answer, and nothing is sent.
	Prepare func(*Call, *Request) (*Response, error)
	// Repeatable says that another attempt is safe because Prepare looks again
	// before it.
	Repeatable bool
}

// Deliver carries out the call's webhook as it is defined, and responds with
// its answer. Delivery documents when a request is sent again.
func Deliver(c *Call, classify Classifier) error { return Delivery{Classify: classify}.Run(c) }

// Run carries out the call's webhook and responds with its answer.
func (d Delivery) Run(c *Call) error {
	if d.Classify == nil {
		d.Classify = Classify
	}
	attempts, maxWait := c.limits()
	for attempt := 1; ; attempt++ {
		req := WebhookRequest(c.Webhook())
		req.Repeatable = req.Repeatable || d.Repeatable || req.Method == abi.MethodGet || req.Method == abi.MethodHead
		done, err := d.before(c, &req, attempt == 1)
		if done || err != nil {
			return err
		}
		resp, err := c.try(req, d.Classify)
		if err == nil {
			defer resp.Close()
			return resp.Respond()
		}
		refused := wasRefused(err)
		if attempt >= attempts || !transient(err) || !req.Repeatable && !refused && c.Webhook().Verify == nil {
			return err
		}
		c.unknown = c.unknown || !refused
		if err := c.pause(err, attempt, attempts, maxWait); err != nil {
			return err
		}
	}
}

// before prepares the request. It reports true when there is nothing left to
// send.
func (d Delivery) before(c *Call, req *Request, first bool) (done bool, err error) {
	if v := c.Webhook().Verify; v != nil && !req.Repeatable && (c.Repeated() || v.Always && first) {
		if done, err := verify(c, *v, d.Classify); done || err != nil {
			return done, err
		}
	}
	if d.Prepare == nil {
		return false, nil
	}
	resp, err := d.Prepare(c, req)
	if err != nil || resp == nil {
		return false, err
	}
	defer resp.Close()
	return true, resp.Respond()
}

// wasRefused reports whether a failure shows that nothing was carried out.
func wasRefused(err error) bool {
	var own *Error
	return errors.As(err, &own) && own.Kind == abi.KindRateLimited && own.Status == 429
}

// verify asks whether the object that the webhook creates exists, and responds
// if it does. It looks through all pages before it reports false.
func verify(c *Call, v abi.Verify, classify Classifier) (done bool, err error) {
	step, err := StepOf(v.Repeat)
	if err != nil {
		return false, err
	}
	req := EndpointRequest(abi.Endpoint{Method: v.Method, Path: v.Path, URL: v.URL, Params: v.Params, Repeat: v.Repeat, Cost: v.Cost})
	total := int64(0)
	for pages := 1; ; pages++ {
		resp, err := Retry(c, req, func(r *Response) error {
			if missing(r) {
				return nil
			}
			return classify(r)
		})
		if err != nil {
			return false, err
		}
		page := Page{Response: resp, Total: total}
		done, more, err := look(v, &page, step, &req)
		total = page.Total
		if more && pages == maxVerifyPages {
			err = resp.Errorf(abi.KindBadResponse,
				"%s: %d pages hold %d candidates, but not the one that verify looks for, and more pages follow: it may or may not exist",
				resp.Place(), pages, total)
		}
		resp.Close()
		if done || err != nil || !more {
			return done, err
		}
	}
}

// maxVerifyPages ends a search through a list that never ends.
const maxVerifyPages = 1_000

// look examines one page of a verify's answer.
func look(v abi.Verify, p *Page, step Step, req *Request) (done, more bool, err error) {
	resp := p.Response
	if missing(resp) {
		return false, false, nil
	}
	found, looked, err := shows(resp, v)
	if err != nil {
		return false, false, resp.Errorf(KindOf(err), "%s: %v", resp.Place(), err)
	}
	if found {
		return true, false, resp.Respond()
	}
	if v.Records == "" {
		return false, false, nil
	}
	p.Records = int64(looked)
	p.Total += p.Records
	more, err = step(*p, req)
	return false, more, err
}

// shows reports whether an answer holds what a verify looks for, and how many
// candidates it examined if not.
func shows(r *Response, v abi.Verify) (found bool, looked int, err error) {
	at := v.Found
	if v.Records != "" {
		element, looked, err := v.Candidate(func(pointer string) ([]byte, error) { return r.Get(pointer) })
		if element == "" || err != nil {
			return false, looked, err
		}
		at = element + v.Found
	}
	if at == "" {
		return true, 0, nil
	}
	raw, err := r.Get(at)
	if errors.Is(err, abi.CodeNoValue) || string(raw) == "null" {
		return false, 0, nil
	}
	return err == nil, 0, err
}

func missing(r *Response) bool { return r.Status() == 404 || r.Status() == 410 }

// WebhookRequest returns the request of a webhook. Its message type sets the
// Content-Type, unless the webhook's headers have one.
func WebhookRequest(w abi.Webhook) Request {
	req := Request{
		Method: w.Method, Path: w.Path, URL: w.URL, Query: maps.Clone(w.Params),
		Repeatable: w.Repeatable, Cost: w.Cost,
	}
	if req.Method == "" {
		req.Method = abi.MethodPost
	}
	req.Headers = w.RequestHeaders()
	if w.SendsBody() {
		req.Body = w.Body
	}
	return req
}
