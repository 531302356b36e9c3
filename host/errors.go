package host

import (
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// CallError says why a call failed or could not be made, and what the operator
// can do about it.
type CallError struct {
	Connector, Application string
	Function               string // fetch, invoke or check; "" when the call did not get that far
	Kind                   abi.Kind
	Status                 int // HTTP status of the last answer; 0 when there was none
	// Sent says that the application may have carried out a request that changes
	// something: check there before sending it again.
	Sent bool
	// After is how long to wait before the next call: the application asked for
	// that (Retry-After with 429 or 503), or the request was kept back for its
	// rate limit or budget; then Status is 0. It is at most an hour, a day where
	// there is a daily budget, or the time of the rate limit; 0: it is not known.
	After   time.Duration
	Message string
	Next    string // the operator's next step
	Err     error  // the cause, if there is one besides the message
}

// Error returns the application, what failed, and why.
func (e *CallError) Error() string {
	if e.Function == "" {
		return e.Message
	}
	return fmt.Sprintf("%s %s with connector %s: %s: %s", e.Function, e.Application, e.Connector, e.Kind, e.Message)
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// next returns what to do about a kind of failure. A webhook is tried again by
// whoever sent it, and no run is concerned.
func next(k abi.Kind, function, application string) string {
	if function == abi.FunctionInvoke {
		switch k {
		case abi.KindRateLimited:
			return "lower rate_limit, or send less often"
		case abi.KindUnavailable:
			return "when it stays, check the network and the vendor's status page"
		case abi.KindBadResponse:
			return "compare the webhook with what the application says; the object may lack a value that it needs, or the webhook's path be wrong"
		}
	}
	switch k {
	case abi.KindAuth:
		return fmt.Sprintf("check the credentials of application %q; a token may have been replaced or revoked", application)
	case abi.KindForbidden:
		return "give the account behind the credentials the permission, or the token the scope, that the message names"
	case abi.KindBlocked:
		return "the vendor or a proxy turns this client away: wait, lower rate_limit, and ask the vendor when it stays"
	case abi.KindRateLimited:
		return "lower rate_limit or run less often; the next run tries again"
	case abi.KindUnavailable:
		return "the next run tries again; when it stays, check the network and the vendor's status page"
	case abi.KindBadResponse:
		return fmt.Sprintf("nothing was changed; check base_url and the endpoint of application %q; when the vendor's answer is at fault, "+
			"the next run tries again", application)
	case abi.KindRefused:
		return "when the host is meant to be reached, name it in the application's configuration"
	case abi.KindConfig:
		return fmt.Sprintf("correct the configuration of application %q", application)
	}
	return "report this to the connector's author, with the log around it"
}
