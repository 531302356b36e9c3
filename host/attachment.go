package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// AttachmentCall asks for what an address in a record leads to. ETag and Modified are
// those of the answer that the caller has seen; "" for none.
type AttachmentCall struct {
	URL            string
	ETag, Modified string
}

// Attachment is the answer to an AttachmentCall.
type Attachment struct {
	Same           bool // it is what the caller has seen; there is no Content
	Content        []byte
	ETag, Modified string
}

// Attachment fetches what an address in a record leads to, at most abi.MaxAttachment
// bytes. It goes only where the connector's own requests may go, waits for the
// application's rate limit like them, and carries no credentials: whoever wrote the
// record chose the address. The error is a *CallError.
func (c *Connector) Attachment(ctx context.Context, app Application, call AttachmentCall) (Attachment, error) {
	u, err := url.Parse(call.URL)
	if err != nil || !u.IsAbs() || u.Host == "" {
		return Attachment{}, c.attachmentFault(app, abi.KindBadResponse, 0, "the address is no URL that begins with https://")
	}
	app.Credentials, app.Secrets, app.Watch = nil, nil, nil
	client, err := c.elsewhere(app)
	if err != nil {
		return Attachment{}, c.attachmentFault(app, abi.KindConfig, 0, err.Error())
	}
	defer client.Close()
	headers := map[string]string{}
	if call.ETag != "" {
		headers["If-None-Match"] = call.ETag
	}
	if call.Modified != "" {
		headers["If-Modified-Since"] = call.Modified
	}
	answer, err := client.Send(ctx, abi.Request{URL: call.URL, Headers: headers, Auth: abi.NoAuth})
	if err != nil {
		failed := c.notAttached(app, err)
		if failed.Kind == abi.KindRefused && u.Scheme != "https" {
			failed.Next = "correct the address at the source, or in attach: it must begin with https://"
		}
		return Attachment{}, failed
	}
	defer answer.Body.Close()
	out := Attachment{ETag: answer.Header.Get("ETag"), Modified: answer.Header.Get("Last-Modified")}
	switch {
	case answer.Status == http.StatusNotModified && len(headers) > 0:
		out.Same = true
		return out, nil
	case answer.Status < 200 || answer.Status > 299:
		kind := abi.KindBadResponse
		if passes(answer.Status) {
			kind = abi.KindUnavailable
		}
		return Attachment{}, c.attachmentFault(app, kind, answer.Status, fmt.Sprintf("the server answered with status %d", answer.Status))
	}
	out.Content = make([]byte, answer.Body.Size())
	if _, err := answer.Body.ReadAt(out.Content, 0); err != nil && !errors.Is(err, io.EOF) {
		return Attachment{}, c.attachmentFault(app, abi.KindUnavailable, 0, "read the spooled body: "+err.Error())
	}
	return out, nil
}

// passes reports whether a status says something about the server at this moment, and
// not about what was asked for.
func passes(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// notAttached returns the error for a request without an answer.
func (c *Connector) notAttached(app Application, err error) *CallError {
	var failed *web.Error
	kind, message := abi.KindUnavailable, err.Error()
	if errors.As(err, &failed) {
		switch failed.Code {
		case abi.CodeRefused:
			kind = abi.KindRefused
		case abi.CodeTooLarge:
			kind, message = abi.KindBadResponse, fmt.Sprintf("%s: it has more than %d bytes", message, abi.MaxAttachment)
		case abi.CodeInput:
			kind = abi.KindBadResponse
		case abi.CodeRateLimited:
			kind = abi.KindRateLimited
		}
	}
	return c.attachmentFault(app, kind, 0, message)
}

func (c *Connector) attachmentFault(app Application, kind abi.Kind, status int, message string) *CallError {
	e := c.fault(app, "", kind, message)
	e.Status = status
	switch kind {
	case abi.KindRefused:
		e.Next = fmt.Sprintf("when pictures are meant to come from there, name the host: hosts = [...] in [applications.%s]", app.Name)
	case abi.KindBadResponse:
		e.Next = "correct the address or the picture at the source"
	}
	return e
}
