package abi

import (
	"maps"
	"strings"
)

// contentTypes are the media types of bodies.
var contentTypes = map[MessageType]string{
	MessageJSON: "application/json", MessageForm: "application/x-www-form-urlencoded",
	MessageXML: "application/xml", MessageText: "text/plain; charset=utf-8",
}

func (w Webhook) contentType() string {
	kind := w.MessageType
	if kind == "" && w.Body != "" {
		kind = MessageJSON
	}
	return contentTypes[kind]
}

// SendsBody reports whether the webhook's request has a body.
func (w Webhook) SendsBody() bool { return w.contentType() != "" }

// RequestHeaders returns the headers of the webhook's request: its own, and a
// Content-Type for its body unless it has one.
func (w Webhook) RequestHeaders() map[string]string {
	return withContentType(w.Headers, w.contentType())
}

// WithContentType returns headers with the Content-Type of a format, unless they
// have one.
func WithContentType(headers map[string]string, format MessageType) map[string]string {
	return withContentType(headers, contentTypes[format])
}

func withContentType(headers map[string]string, media string) map[string]string {
	headers = maps.Clone(headers)
	if media == "" {
		return headers
	}
	for name := range headers {
		if strings.EqualFold(name, "Content-Type") {
			return headers
		}
	}
	if headers == nil {
		headers = map[string]string{}
	}
	headers["Content-Type"] = media
	return headers
}
