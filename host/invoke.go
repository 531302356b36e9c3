package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Answer is what an application answered to a webhook.
type Answer struct {
	Status int
	Header http.Header // without secrets that the application reflected
	// Body is the beginning of the body, at most MaxAnswer bytes; Size is the
	// length of the whole body.
	Body []byte
	Size int64
	// LinkKey is the value at the webhook's link_key; a number is spelled as by
	// abi.NumberKey. It is "" when the webhook has no link_key. In an answer of
	// the webhook's verify, text or a number at verify.found takes precedence.
	LinkKey  string
	Requests int
	Took     time.Duration
}

// MaxAnswer bounds the body of an Answer, in bytes.
const MaxAnswer = 1 << 20

// invokeTimeout bounds a whole invoke, as a multiple of the call's time-out.
const invokeTimeout = 20

// Invoke carries out one webhook. Its error is a *CallError, or that of ctx.
// CallError.Sent says whether the application may have carried out the webhook
// despite the error.
func (c *Connector) Invoke(ctx context.Context, app Application, call abi.InvokeCall) (Answer, error) {
	w := &call.Webhook
	if err := c.checkInvoke(app, w); err != nil {
		return Answer{}, err
	}
	report, answer, err := c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionInvoke, Webhook: w, Again: call.Again, Retry: call.Retry},
		export:  abi.ExportInvoke,
		timeout: invokeTimeout * c.host.settings.CallTimeout,
	})
	if err != nil {
		return Answer{}, err
	}
	answer.Requests, answer.Took = report.Requests, report.Took
	return *answer, nil
}

// checkInvoke normalizes a webhook. It refuses one that no application could
// answer, or that this application's API cannot do.
func (c *Connector) checkInvoke(app Application, w *abi.Webhook) error {
	if (w.Path == "") == (w.URL == "") {
		return c.fault(app, abi.FunctionInvoke, abi.KindConfig, fmt.Sprintf("webhook %q: exactly one of path and url must be set", w.Name))
	}
	for key, pointer := range map[string]string{"link_key": w.LinkKey, "link_records": w.LinkRecords} {
		if _, err := jsonstream.ParsePointer(pointer); err != nil {
			return c.fault(app, abi.FunctionInvoke, abi.KindConfig, fmt.Sprintf("webhook %q: %s: %v", w.Name, key, err))
		}
	}
	w.Normalize()
	if l, refused := c.Manifest().Refuses(*w); refused {
		return c.fault(app, abi.FunctionInvoke, abi.KindConfig, fmt.Sprintf(
			"webhook %q: %s cannot %s: %s. Nothing was sent", w.Name, c.Manifest().Title, l.Operation, l.Reason))
	}
	return nil
}

// answerOf reads the answer before the call's bodies are freed.
func answerOf(state *abi1.Call, w *abi.Webhook) (*Answer, error) {
	r := state.Answer
	if r == nil {
		return nil, errors.New("the connector says that the webhook was carried out and gave no answer (respond)")
	}
	if r.Status < http.StatusOK || r.Status >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("the connector took an answer with status %d for a success", r.Status)
	}
	a := &Answer{Status: r.Status, Header: r.Header, Size: r.Body.Size(), Body: make([]byte, min(r.Body.Size(), MaxAnswer))}
	if _, err := r.Body.ReadAt(a.Body, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the spooled body: %w", err)
	}
	if w.LinkKey == "" {
		return a, nil // the result of a verify creates no link either
	}
	var err error
	if v := w.Verify; v != nil && v.Found != "" && !r.Changes && changing(w.Method) {
		if a.LinkKey, err = verifiedKey(r.Body, *v); err == nil {
			return a, nil // the value that verify found is the key itself
		}
	}
	at, err := w.LinkAt(valueIn(r.Body))
	if at == "" || err != nil {
		return a, err // nobody was found: there is no link to make
	}
	a.LinkKey, err = linkKey(r.Body, at)
	return a, err
}

func changing(method string) bool { return method != abi.MethodGet && method != abi.MethodHead }

// verifiedKey reads the key from the answer of a verify.
func verifiedKey(b *body.Body, v abi.Verify) (string, error) {
	if v.Records == "" {
		return linkKey(b, v.Found)
	}
	if b.Size() > MaxAnswer {
		return "", fmt.Errorf("the answer of the webhook's verify has %d bytes, more than %d", b.Size(), MaxAnswer)
	}
	element, _, err := v.Candidate(valueIn(b))
	if err != nil {
		return "", err
	}
	if element == "" {
		return "", fmt.Errorf("no candidate at %q is the one that verify looks for", v.Records)
	}
	return linkKey(b, element+v.Found)
}

// valueIn reads values of an answer by their JSON pointers.
func valueIn(b *body.Body) func(pointer string) ([]byte, error) {
	return func(pointer string) ([]byte, error) {
		p, err := jsonstream.ParsePointer(pointer)
		if err != nil {
			return nil, err
		}
		raw, err := jsonstream.Find(b, b.Size(), nil, p, abi.MaxValueSize)
		if errors.Is(err, jsonstream.ErrNoValue) {
			return nil, fmt.Errorf("%w: %w", abi.CodeNoValue, err)
		}
		return raw, err
	}
}

// linkKey reads the key of the object that the webhook created.
func linkKey(b *body.Body, at string) (string, error) {
	p, err := jsonstream.ParsePointer(at)
	if err != nil {
		return "", err
	}
	raw, err := jsonstream.Find(b, b.Size(), nil, p, abi.MaxKeySize)
	if err != nil {
		return "", fmt.Errorf("the answer has no key at link_key: %w", err)
	}
	key := ""
	switch c := raw[0]; {
	case c == '"':
		if err := json.Unmarshal(raw, &key); err != nil {
			return "", fmt.Errorf("link_key %q: %w", at, err)
		}
	case c == '-' || c >= '0' && c <= '9':
		if key, _ = abi.NumberKey(string(raw)); key == "" {
			return "", fmt.Errorf("the answer has a number at link_key %q whose exponent has more than 17 digits", at)
		}
	default:
		return "", fmt.Errorf("the answer has neither text nor a number at link_key %q", at)
	}
	if key == "" {
		return "", fmt.Errorf("the answer has an empty key at link_key %q", at)
	}
	return key, nil
}
