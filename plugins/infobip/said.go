package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
)

// said quotes what Infobip's envelopes say about a failure; "" when there is
// nothing. There are three: requestError, errorCode with description, and code
// with message.
func said(r *sdk.Response) string {
	var parts []string
	for _, pointer := range []string{"/requestError/serviceException/text", "/description", "/action", "/message"} {
		if text := value(r, pointer); text != "" {
			parts = append(parts, quote(text))
		}
	}
	parts = append(parts, byField(r)...)
	parts = append(parts, byProperty(r, "/violations", "violation")...)
	parts = append(parts, byProperty(r, "/details", "message")...)
	for _, pointer := range []string{"/requestError/serviceException/messageId", "/errorCode", "/code"} {
		if code := value(r, pointer); code != "" {
			parts = append(parts, "code "+quote(code))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", it says " + strings.Join(parts, ", ")
}

// byField reads {"field": ["text"]}.
func byField(r *sdk.Response) (parts []string) {
	var fields map[string][]string
	if !get(r, "/requestError/serviceException/validationErrors", &fields) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, text := range fields[name] {
			parts = append(parts, quote(name+": "+text))
		}
	}
	return parts
}

// byProperty reads [{"property": "p", member: "text"}].
func byProperty(r *sdk.Response, pointer, member string) (parts []string) {
	var list []map[string]any
	if !get(r, pointer, &list) {
		return nil
	}
	for _, one := range list {
		parts = append(parts, quote(fmt.Sprintf("%v: %v", one["property"], one[member])))
	}
	return parts
}

// get reads a value of an answer; false when it is not there or another type.
func get(r *sdk.Response, pointer string, to any) bool {
	raw, err := r.Get(pointer)
	return err == nil && json.Unmarshal(raw, to) == nil
}

// quote makes foreign text safe for one line of a message.
func quote(text string) string {
	const limit = 200
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "..."
	}
	return strconv.Quote(text)
}
