package dispatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// failure is what a failed call means. The zero failure is a success.
type failure struct {
	text, next string
	retry      bool          // another attempt may succeed
	outage     bool          // the application as a whole is not there
	sent       bool          // it may have been carried out
	kept       bool          // nothing was sent, as the application's rate limit or budget is used up until after asked
	asked      time.Duration // how long the application is to be left alone
	status     int
}

// judge says what the error of a call means.
func judge(err error) failure {
	if err == nil {
		return failure{}
	}
	f := failure{text: err.Error(), retry: true, sent: true}
	var call *host.CallError
	if !errors.As(err, &call) {
		return f // it is not known what became of the call
	}
	f.next, f.sent, f.status, f.asked = call.Next, call.Sent, call.Status, call.After
	if call.Function == "" { // it did not get that far, such as without a connector
		f.outage = true
		return f
	}
	f.kept = call.Kind == abi.KindRateLimited && call.Status == 0 && !call.Sent && call.After > 0
	switch call.Kind {
	case abi.KindAuth, abi.KindBlocked, abi.KindRateLimited, abi.KindUnavailable:
		f.outage = true
	case abi.KindInternal:
		// a fault of the connector or the host, such as no memory: it may pass
	case abi.KindForbidden, abi.KindBadResponse, abi.KindRefused, abi.KindConfig:
		f.retry = false
	}
	return f
}

// The sizes of what people may see, in bytes.
const (
	mostRequest = 8 << 10
	mostAnswer  = 4 << 10
)

// request returns a call as people may see it. It holds no credentials: the host
// adds them.
func request(w abi.Webhook) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s", w.Method, w.Path, w.URL)
	for i, name := range slices.Sorted(maps.Keys(w.Params)) {
		sign := "&"
		if i == 0 {
			sign = "?"
		}
		fmt.Fprintf(&b, "%s%s=%s", sign, name, w.Params[name])
	}
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		fmt.Fprintf(&b, "\n%s: %s", name, w.Headers[name])
	}
	if w.Body != "" {
		b.WriteString("\n\n" + w.Body)
	}
	return cut(b.String(), mostRequest)
}

// cut shortens a text that is kept for people.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + " [...]"
}
