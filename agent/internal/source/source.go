// Package source turns one endpoint of an application into records: it evaluates
// the endpoint's templates, passes the call to the connector and hands on the
// records that arrive, batch by batch. It keeps no records and decides nothing
// about them.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is the part of a loaded connector that a Source calls.
type Connector interface {
	Fetch(ctx context.Context, app host.Application, call abi.FetchCall, sink func(host.Record) error) (host.Report, error)
	Attachment(ctx context.Context, app host.Application, call host.AttachmentCall) (host.Attachment, error)
}

var _ Connector = (*host.Connector)(nil)

// Settings describes one source.
type Settings struct {
	Connector   Connector
	Application host.Application
	Manifest    abi.Manifest // of the connector: what it may render
	Endpoint    endpoint.Endpoint
	Fields      []string // top-level fields of a record that anything uses
	Now         func() time.Time
}

// Source fetches the records of one endpoint.
type Source struct{ settings Settings }

// New returns the source of an endpoint.
func New(s Settings) *Source { return &Source{s} }

// ChangesOnly reports whether the endpoint delivers only changes instead of all
// records.
func (s *Source) ChangesOnly() bool { return s.settings.Endpoint.Mode == abi.ModeChanges }

// A batch goes to the next stage after batchSize records, or earlier after about
// batchBytes: one record may have eight mebibytes.
const (
	batchSize  = 500
	batchBytes = 4 << 20
)

// Endpoint returns the name of the endpoint.
func (s *Source) Endpoint() string { return s.settings.Endpoint.Name }

// Fetch calls each with batches of records and returns the cursor from which the
// connector wants to continue next time; "" when it did not say. An error means
// that the delivery is not complete: keys that it has not contained so far may
// not count as missing.
//
// from and the returned cursor are for endpoints in mode changes. An endpoint
// that delivers all records starts at the beginning each time: a cursor would
// let it leave out users, who would then count as missing.
func (s *Source) Fetch(ctx context.Context, from ident.Position, each func([]ident.Record) error) (cursor string, err error) {
	if !s.ChangesOnly() {
		from = ident.Position{}
	}
	now, app := s.settings.Now(), s.settings.Application
	called, err := s.settings.Endpoint.At(now, from, app.Settings)
	if err != nil {
		return "", fmt.Errorf("endpoint %s of application %s: %w", s.settings.Endpoint.Name, app.Name, err)
	}
	app.Macros = macro.ForFetch(s.settings.Manifest, app.Settings, now, from.Since)
	app.Paging = pagingOf(s.settings.Endpoint.Pages(now, from, app.Settings))
	report, err := s.call(ctx, app, abi.FetchCall{Endpoint: called, Keep: s.settings.Fields, Cursor: from.Cursor}, each)
	if err != nil {
		return "", WithNext(err)
	}
	if !s.ChangesOnly() {
		report.Cursor = ""
	}
	return report.Cursor, nil
}

// call makes one call and passes on its records batch by batch.
func (s *Source) call(ctx context.Context, app host.Application, call abi.FetchCall, each func([]ident.Record) error) (host.Report, error) {
	batch, size := make([]ident.Record, 0, batchSize), 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := each(batch)
		batch, size = make([]ident.Record, 0, batchSize), 0
		return err
	}
	report, err := s.settings.Connector.Fetch(ctx, app, call, func(r host.Record) error {
		key := ident.Key(text.Trim(r.Key))
		if key == "" && r.Problem == "" && !call.Unkeyed {
			r.Problem = "the primary key is nothing but white space and invisible characters"
		}
		batch = append(batch, ident.Record{
			Endpoint: call.Endpoint.Name, Key: key, Number: r.Number, Fields: r.Fields, Deleted: r.Deleted, Partial: r.Partial,
			Problem: problem(call.Endpoint.Name, r),
		})
		size += sizeOf(r.Fields)
		if len(batch) < batchSize && size < batchBytes {
			return nil
		}
		return flush()
	})
	if err != nil && !errors.Is(err, host.ErrEnough) {
		return report, err
	}
	return report, errors.Join(flush(), err)
}

// problem says what is wrong with a record and where it was; "" when nothing is.
func problem(endpoint string, r host.Record) string {
	switch {
	case r.Problem == "":
		return ""
	case r.Place == "":
		return fmt.Sprintf("%s (endpoint %s)", r.Problem, endpoint)
	}
	return fmt.Sprintf("%s (endpoint %s, %s)", r.Problem, endpoint, r.Place)
}

// perValue is about how many bytes a value takes besides its text.
const perValue = 64

// sizeOf returns about how many bytes a value, or the fields of a record, take
// in memory.
func sizeOf(value any) int {
	size := perValue
	switch v := value.(type) {
	case string:
		size += len(v)
	case json.Number:
		size += len(v)
	case []any:
		for _, one := range v {
			size += sizeOf(one)
		}
	case map[string]any:
		for name, one := range v {
			size += len(name) + sizeOf(one)
		}
	}
	return size
}

// WithNext adds the operator's next step to the text of an error. A
// host.CallError holds it in a field of its own.
func WithNext(err error) error {
	var failed *host.CallError
	if errors.As(err, &failed) && failed.Next != "" {
		return fmt.Errorf("%w; next: %s", err, failed.Next)
	}
	return err
}
