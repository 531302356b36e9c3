package sdk

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Error is a failure that the connector understands. Its kind decides what the
// operator is advised to do, and whether Retry tries again.
type Error struct {
	Kind    abi.Kind
	Message string
	// Status is the HTTP status of the answer; 0 when there was none.
	Status int
	// After is how long the application asks to wait; 0 when it does not say.
	After time.Duration
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf returns an Error with a formatted message.
func Errorf(kind abi.Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// HostError is a negative answer of a host function. errors.Is finds its code:
// errors.Is(err, abi.CodeNoValue).
type HostError struct {
	Function string // as package abi names it
	Code     abi.Code
	Message  string // from last_error
}

// Error returns what the host said.
func (e *HostError) Error() string {
	if e.Message == "" {
		return e.Function + ": " + e.Code.String()
	}
	return e.Message
}

// Unwrap returns the code.
func (e *HostError) Unwrap() error { return e.Code }

// KindOf returns the kind of an error: an Error's own, the kind that fits a
// HostError's code, and otherwise internal.
func KindOf(err error) abi.Kind {
	var own *Error
	if errors.As(err, &own) {
		return own.Kind
	}
	var code abi.Code
	if !errors.As(err, &code) {
		return abi.KindInternal
	}
	var from *HostError
	templates := []string{"macro", "page_body", "page_until"}
	if errors.As(err, &from) && slices.Contains(templates, from.Function) &&
		code != abi.CodeNotJSON && code != abi.CodeDeadline && code != abi.CodeNetwork {
		return abi.KindConfig // a template or expression, or the values that it is evaluated with
	}
	switch code {
	case abi.CodeRefused:
		return abi.KindRefused
	case abi.CodeNetwork, abi.CodeDeadline:
		return abi.KindUnavailable
	case abi.CodeAuth:
		return abi.KindAuth
	case abi.CodeRateLimited:
		return abi.KindRateLimited
	case abi.CodeNotJSON, abi.CodeNoValue, abi.CodeNotArray, abi.CodeTooLarge:
		return abi.KindBadResponse
	}
	return abi.KindInternal
}
