package source

import (
	"context"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Attach fetches what an address in a record leads to, or learns that it is still what
// was seen. An error is a *RecordError when it is about this address, and otherwise
// about the server or the network.
func (s *Source) Attach(ctx context.Context, url string, seen ident.Seen) (ident.Fetched, error) {
	got, err := s.settings.Connector.Attachment(ctx, s.settings.Application,
		host.AttachmentCall{URL: url, ETag: seen.ETag, Modified: seen.Modified})
	if err == nil {
		return ident.Fetched(got), nil
	}
	var failed *host.CallError
	if errors.As(err, &failed) && (failed.Kind == abi.KindBadResponse || failed.Kind == abi.KindRefused) {
		return ident.Fetched{}, &RecordError{Err: err}
	}
	return ident.Fetched{}, err
}

// Step returns what the operator can do about the error; "" when that is not known.
func (e *RecordError) Step() string {
	var failed *host.CallError
	if errors.As(e.Err, &failed) {
		return failed.Next
	}
	return ""
}

// Answered reports whether a server gave the answer that is wrong. Otherwise a rule of
// the configuration was in the way, which may be changed at any time.
func (e *RecordError) Answered() bool {
	var failed *host.CallError
	return errors.As(e.Err, &failed) && failed.Kind == abi.KindBadResponse
}
