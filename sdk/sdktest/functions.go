package sdktest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// HTTPStatus implements sdk.Host.
func (h *Host) HTTPStatus(handle int64) int32 {
	a, ok := h.open[handle]
	if !ok {
		return int32(h.badHandle(handle))
	}
	return int32(a.status)
}

// HTTPHeader implements sdk.Host.
func (h *Host) HTTPHeader(handle int64, name string, buf []byte) int64 {
	a, ok := h.open[handle]
	if !ok {
		return h.badHandle(handle)
	}
	values := a.header.Values(name)
	if len(values) == 0 {
		return h.no(abi.CodeNoValue, "the response has no header %q", name)
	}
	return give(buf, []byte(strings.Join(values, ", ")))
}

// JSONGet implements sdk.Host.
func (h *Host) JSONGet(handle int64, pointer string, buf []byte) int64 {
	v, code := h.value(handle, pointer)
	if code < 0 {
		return code
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return h.no(abi.CodeInput, "%v", err)
	}
	return give(buf, raw)
}

func (h *Host) value(handle int64, pointer string) (any, int64) {
	a, ok := h.open[handle]
	if !ok {
		return nil, h.badHandle(handle)
	}
	doc, err := parse(a.body)
	if err != nil {
		return nil, h.no(abi.CodeNotJSON, "%v", err)
	}
	v, err := find(doc, pointer)
	if errors.Is(err, errPointer) {
		return nil, h.no(abi.CodeInput, "%v", err)
	}
	if err != nil {
		return nil, h.no(abi.CodeNoValue, "%v", err)
	}
	return v, 0
}

// BodyRead implements sdk.Host.
func (h *Host) BodyRead(handle, offset int64, buf []byte) int64 {
	a, ok := h.open[handle]
	if !ok {
		return h.badHandle(handle)
	}
	if offset < 0 {
		return h.no(abi.CodeArgument, "offset %d is negative", offset)
	}
	if offset > int64(len(a.body)) {
		return 0
	}
	return int64(copy(buf, a.body[offset:]))
}

// Release implements sdk.Host.
func (h *Host) Release(handle int64) int32 {
	if _, ok := h.open[handle]; !ok {
		return int32(h.badHandle(handle))
	}
	delete(h.open, handle)
	return 0
}

// Emit implements sdk.Host.
func (h *Host) Emit(handle int64, array, record string, flags int32) int64 {
	if flags&^abi.EmitKeyed != 0 {
		return h.no(abi.CodeArgument, "flags %d are not known", flags)
	}
	v, code := h.value(handle, array)
	if code < 0 {
		return code
	}
	before := len(h.Records)
	if flags == abi.EmitKeyed {
		return h.page(before, h.keyed(v, array, record))
	}
	list, ok := v.([]any)
	if one, is := v.(map[string]any); h.forOne() && (is || v == nil) {
		if list, ok = nil, true; is {
			list = []any{one}
		}
	}
	if !ok {
		return h.no(abi.CodeNotArray, "at %q is %s, not an array", array, describe(v))
	}
	return h.page(before, h.deliver(list, record))
}

// forOne reports whether the call asks for a single record.
func (h *Host) forOne() bool {
	var call abi.Call
	_ = json.Unmarshal(h.input, &call) // run has encoded it
	return call.Endpoint != nil && call.Endpoint.Single
}

// keyed delivers the members of an object, sorted by name, because their order
// is lost here.
func (h *Host) keyed(v any, array, record string) int64 {
	object, ok := v.(map[string]any)
	if !ok {
		return h.no(abi.CodeNotArray, "at %q is %s, not an object of records by their keys", array, describe(v))
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		before := len(h.Records)
		if bad := h.deliver([]any{object[name]}, record); bad < 0 {
			return bad
		}
		if r := &h.Records[before]; r.Key == "" {
			r.Key = name
		}
	}
	return int64(len(object))
}

// EmitJSON implements sdk.Host.
func (h *Host) EmitJSON(records []byte) int64 {
	if h.function() == abi.FunctionCheck {
		return h.findings(records)
	}
	doc, err := parse(records)
	if err != nil {
		return h.no(abi.CodeNotJSON, "%v", err)
	}
	list, ok := doc.([]any)
	if !ok {
		return h.no(abi.CodeNotArray, "the records are %s, not an array", describe(doc))
	}
	before := len(h.Records)
	return h.page(before, h.deliver(list, ""))
}

// page ends a fetch that makes no progress, as the host does. It may be
// stricter than the host: it compares single keys, and the host compares whole
// pages.
func (h *Host) page(before int, n int64) int64 {
	if n < 0 {
		return n
	}
	h.idle++
	for _, r := range h.Records[before:] {
		if r.Key != "" && !h.seen[r.Key] {
			h.seen[r.Key], h.idle = true, 0
		}
	}
	var call abi.Call
	_ = json.Unmarshal(h.input, &call) // run has encoded it
	if limit := cmp.Or(call.Endpoint.Repeat.MaxEmpty, abi.MaxIdlePages); h.idle >= limit {
		return h.no(abi.CodeLimit, "%d pages in a row brought no record that was not delivered before: the fetch makes no progress", h.idle)
	}
	return n
}

// findings stores what a check reports.
func (h *Host) findings(list []byte) int64 {
	var found []abi.Finding
	if err := json.Unmarshal(list, &found); err != nil {
		return h.no(abi.CodeNotJSON, "findings: %v", err)
	}
	var call abi.Call
	_ = json.Unmarshal(h.input, &call) // run has encoded it
	for _, f := range found {
		if err := f.Check(call.Needs); err != nil {
			return h.no(abi.CodeInput, "%v", err)
		}
	}
	h.found = append(h.found, found...)
	return int64(len(found))
}

func (h *Host) deliver(list []any, record string) int64 {
	var call abi.Call
	if err := json.Unmarshal(h.input, &call); err != nil || call.Endpoint == nil {
		return h.no(abi.CodeState, "this call delivers no records")
	}
	for i, element := range list {
		v, err := find(element, record)
		fields, ok := v.(map[string]any)
		if err != nil || !ok {
			return h.no(abi.CodeNotJSON, "element %d: no object at %q", i, record)
		}
		key := ""
		if k, err := find(fields, call.Endpoint.Key); err == nil {
			switch k := k.(type) {
			case string:
				key = k
			case json.Number:
				key = k.String()
			}
		}
		h.Records = append(h.Records, Record{Key: key, Fields: fields})
	}
	return int64(len(list))
}

// WaitMS implements sdk.Host. It does not wait.
func (h *Host) WaitMS(milliseconds int64) int32 {
	h.Waits = append(h.Waits, time.Duration(milliseconds)*time.Millisecond)
	return 0
}

// Log implements sdk.Host.
func (h *Host) Log(level abi.Level, text string) {
	names := map[abi.Level]string{abi.LevelDebug: "debug", abi.LevelInfo: "info", abi.LevelWarn: "warn", abi.LevelError: "error"}
	h.Lines = append(h.Lines, fmt.Sprintf("%s: %s", names[level], text))
}

// Fail implements sdk.Host.
func (h *Host) Fail(kind abi.Kind, text string) { h.failure = &Error{Kind: kind, Message: text} }

// LastError implements sdk.Host.
func (h *Host) LastError(buf []byte) int64 { return give(buf, []byte(h.problem)) }

func (h *Host) badHandle(handle int64) int64 {
	return h.no(abi.CodeHandle, "handle %d is not open", handle)
}
