package sdktest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the ABI has it for APIs that know nothing better
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// BodySize implements sdk.Host.
func (h *Host) BodySize(handle int64) int64 {
	a, ok := h.open[handle]
	if !ok {
		return h.badHandle(handle)
	}
	return int64(len(a.body))
}

// PageBody implements sdk.Host.
func (h *Host) PageBody(position string, number int64, buf []byte) int64 {
	if h.Body == nil {
		return h.no(abi.CodeState, "the endpoint of this call has no body that takes a position: set Body of the test's host")
	}
	return give(buf, []byte(h.Body(position, number)))
}

// PageUntil implements sdk.Host.
func (h *Host) PageUntil(handle, number, records, total int64) int32 {
	a, ok := h.open[handle]
	switch {
	case !ok:
		return int32(h.badHandle(handle))
	case h.Until == nil:
		return int32(h.no(abi.CodeState, "the endpoint of this call has no until: set Until of the test's host"))
	case h.Until(a.body, number, records, total):
		return 1
	}
	return 0
}

func (h *Host) function() string {
	var call abi.Call
	_ = json.Unmarshal(h.input, &call) // run has encoded it
	return call.Function
}

// EmitDeleted implements sdk.Host.
func (h *Host) EmitDeleted(key string) int32 {
	if bad := h.single(Record{Key: key, Deleted: true}); bad < 0 {
		return int32(bad)
	}
	return 0
}

func (h *Host) single(r Record) int64 {
	switch {
	case h.function() != abi.FunctionFetch:
		return h.no(abi.CodeState, "this call delivers no records")
	case r.Key == "":
		return h.no(abi.CodeInput, "the key is empty")
	case len(r.Key) > abi.MaxKeySize:
		return h.no(abi.CodeTooLarge, "a key of %d bytes", len(r.Key))
	}
	h.Records = append(h.Records, r)
	return 0
}

// Attach implements sdk.Host.
func (h *Host) Attach(handle int64, key, field string) int64 {
	a, ok := h.open[handle]
	switch {
	case !ok:
		return h.badHandle(handle)
	case a.status < 200 || a.status > 299 || field == "":
		return h.no(abi.CodeInput, "no field, or an answer with status %d", a.status)
	case len(a.body) > abi.MaxAttachment:
		return h.no(abi.CodeTooLarge, "an attachment of %d bytes", len(a.body))
	}
	text := base64.StdEncoding.EncodeToString(a.body)
	if bad := h.single(Record{Key: key, Partial: true, Fields: map[string]any{field: text}}); bad < 0 {
		return bad
	}
	return int64(len(a.body))
}

// CursorGet implements sdk.Host.
func (h *Host) CursorGet(buf []byte) int64 {
	if h.function() != abi.FunctionFetch {
		return h.no(abi.CodeState, "only a fetch has a cursor")
	}
	return give(buf, []byte(h.Cursor))
}

// CursorSet implements sdk.Host.
func (h *Host) CursorSet(cursor string) int32 {
	switch {
	case h.function() != abi.FunctionFetch:
		return int32(h.no(abi.CodeState, "only a fetch has a cursor"))
	case len(cursor) > abi.MaxCursorSize:
		return int32(h.no(abi.CodeTooLarge, "a cursor of %d bytes", len(cursor)))
	}
	h.cursor = cursor
	return 0
}

// Respond implements sdk.Host.
func (h *Host) Respond(handle int64) int32 {
	if h.function() != abi.FunctionInvoke {
		return int32(h.no(abi.CodeState, "only an invoke has an answer"))
	}
	a, ok := h.open[handle]
	if !ok {
		return int32(h.badHandle(handle))
	}
	h.answer = &Answer{Status: a.status, Header: a.header, Body: a.body, changes: a.changes}
	return 0
}

func placeholder(name string) string { return "{{secret:" + name + "}}" }

// Secret implements sdk.Host.
func (h *Host) Secret(name string, buf []byte) int64 {
	if _, ok := h.Secrets[name]; !ok {
		return h.no(abi.CodeInput, "there is no secret %q", name)
	}
	return give(buf, []byte(placeholder(name)))
}

// reveal replaces the placeholders of secrets in a request.
func (h *Host) reveal(r *abi.Request) {
	for name, value := range h.Secrets {
		put := func(s string) string { return strings.ReplaceAll(s, placeholder(name), value) }
		r.URL, r.Path, r.Body = put(r.URL), put(r.Path), put(r.Body)
		for _, m := range []map[string]string{r.Query, r.Headers} {
			for k, v := range m {
				m[k] = put(v)
			}
		}
	}
}

// SecretHMAC implements sdk.Host.
func (h *Host) SecretHMAC(name string, algorithm abi.Algorithm, data, buf []byte) int64 {
	hashes := map[abi.Algorithm]func() hash.Hash{abi.HMACSHA256: sha256.New, abi.HMACSHA512: sha512.New, abi.HMACSHA1: sha1.New}
	make, ok := hashes[algorithm]
	if !ok {
		return h.no(abi.CodeArgument, "algorithm %d is not known", algorithm)
	}
	key, ok := h.Secrets[name]
	if !ok {
		return h.no(abi.CodeInput, "there is no secret %q", name)
	}
	mac := hmac.New(make, []byte(key))
	mac.Write(data)
	return give(buf, mac.Sum(nil))
}
