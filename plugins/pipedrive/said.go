package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
)

// said quotes what Pipedrive's envelopes say about a failure; "" when there is
// nothing. The envelope of /webhooks is another one: its errors go by field.
func said(r *sdk.Response) string {
	var parts []string
	for _, pointer := range []string{"/error", "/error_info", "/message"} {
		if text, err := r.GetText(pointer); err == nil && text != "" {
			parts = append(parts, quote(text))
		}
	}
	parts = append(parts, byField(r)...)
	if len(parts) == 0 {
		return ""
	}
	return ", it says " + strings.Join(parts, " and ")
}

// byField reads {"errors": {"field": ["text"]}}.
func byField(r *sdk.Response) []string {
	raw, err := r.Get("/errors")
	if err != nil {
		return nil
	}
	var errors map[string]any
	if json.Unmarshal(raw, &errors) != nil {
		return nil
	}
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(errors)) {
		texts, ok := errors[field].([]any)
		if !ok {
			texts = []any{errors[field]}
		}
		for _, t := range texts {
			if text, ok := t.(string); ok {
				parts = append(parts, quote(field+": "+text))
			}
		}
	}
	return parts
}

// quote makes foreign text safe for one line of a message.
func quote(text string) string {
	const limit = 200
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "..."
	}
	return strconv.Quote(text)
}
