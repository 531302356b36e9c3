package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// NoSingle says why a single record cannot be asked for; "" when it can.
func (s *Source) NoSingle() string {
	if s.settings.Endpoint.One == nil {
		return s.settings.Endpoint.NoOne
	}
	return ""
}

// FetchOne calls each with what the application has under a key, through the
// connector and under the same limits as any fetch. It does not call each when
// the application has no such record. A record that comes under another key is
// passed on as it is: the caller decides whom it asked for. An error is a
// *RecordError when it is about this record.
func (s *Source) FetchOne(ctx context.Context, key ident.Key, each func([]ident.Record) error) error {
	if why := s.NoSingle(); why != "" {
		return errors.New(why)
	}
	now, app := s.settings.Now(), s.settings.Application
	called, err := s.settings.Endpoint.For(key, now, app.Settings)
	if err != nil {
		return &RecordError{Err: fmt.Errorf("endpoint %s of application %s: %w", s.settings.Endpoint.Name, app.Name, err)}
	}
	app.Macros = macro.ForFetch(s.settings.Manifest, app.Settings, now, time.Time{})
	_, err = s.call(ctx, app, abi.FetchCall{Endpoint: called, Keep: s.settings.Fields}, each)
	if nothingThere(err) {
		return nil
	}
	return aboutOne(err)
}

// RecordError says that one record cannot be fetched, and that others may be.
type RecordError struct {
	Err error
	All bool // others may be concerned too
}

// Error returns the error.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *RecordError) Unwrap() error { return e.Err }

// Suspect reports whether others may be concerned too.
func (e *RecordError) Suspect() bool { return e.All }

// aboutOne makes a *RecordError of an answer about one record. Credentials, the
// network, the rate limit and what is wrong on this side concern every record.
func aboutOne(err error) error {
	var failed *host.CallError
	if !errors.As(err, &failed) || failed.Function == "" || failed.Err != nil {
		return WithNext(err)
	}
	switch failed.Kind {
	case abi.KindAuth, abi.KindBlocked, abi.KindRateLimited:
		return WithNext(err)
	case abi.KindUnavailable:
		if failed.Status == 0 {
			return WithNext(err)
		}
	case abi.KindInternal, abi.KindForbidden, abi.KindBadResponse, abi.KindRefused, abi.KindConfig:
	}
	suspect := failed.Kind == abi.KindUnavailable || failed.Kind == abi.KindForbidden || failed.Kind == abi.KindInternal
	return &RecordError{Err: WithNext(err), All: suspect}
}

// nothingThere reports whether the application says that it has nothing under a
// key, to a connector that passes that on as an error.
func nothingThere(err error) bool {
	var failed *host.CallError
	return errors.As(err, &failed) && (failed.Status == http.StatusNotFound || failed.Status == http.StatusGone)
}
