package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// printReceiver lists how the application tells of changes by itself, and what
// the administrator gives for it.
func printReceiver(w io.Writer, m abi.Manifest) {
	if m.Receiver == nil {
		return
	}
	r := *m.Receiver
	_, _ = fmt.Fprintln(w)
	table(w, "RECEIVER\tVALUE", func(row func(...any)) {
		row("sends to", "URL/APPLICATION"+r.Path)
		row("authenticates by", receiverAuth(r.Auth))
		row("id of a delivery", orElse(r.ID, "a digest of the body"))
		row("time", orElse(r.Time, orDash(r.Auth.Timestamp)))
		row("kind of the change", orDash(r.Kind))
		if len(r.Take) > 0 {
			row("leads to a run", strings.Join(r.Take, ", "))
		}
		if len(r.Ignore) > 0 {
			row("is ignored", strings.Join(r.Ignore, ", "))
		}
		row("key", r.Key)
		if r.Records == "" {
			row("is about", "endpoint "+r.Endpoint)
		}
		for _, records := range slices.Sorted(maps.Keys(r.Endpoints)) {
			row(r.Records+" "+records, "endpoint "+r.Endpoints[records])
		}
		for _, at := range slices.Sorted(maps.Keys(r.Expect)) {
			row(at+" must be", r.Expect[at])
		}
		if r.Subscribe != "" {
			row("subscription", fmt.Sprintf("webhooks %s and %s", r.Subscribe, r.Unsubscribe))
		}
	})
}

// receiverAuth says how deliveries are authenticated, and by which keys of
// [applications.NAME.receiver].
func receiverAuth(a abi.ReceiverAuth) string {
	switch a.Kind {
	case abi.ReceiverBasic:
		return "HTTP Basic: username and password"
	case abi.ReceiverHeader:
		return fmt.Sprintf("header %s: %ssecret", a.Header, a.Prefix)
	case abi.ReceiverHMAC:
		return fmt.Sprintf("header %s: %sHMAC-%s of %s by secret, in %s", a.Header, a.Prefix, strings.ToUpper(a.Algorithm), a.Signed, a.Encoding)
	}
	return string(a.Kind)
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
