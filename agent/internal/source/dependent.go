package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Parent returns the endpoint for each of whose records this one is called; "" when it is
// called once for all.
func (s *Source) Parent() string {
	if s.settings.Endpoint.Each == nil {
		return ""
	}
	return s.settings.Endpoint.Each.Of
}

// State returns a digest of what decides about what FetchFor returns for a parent: the state
// that the endpoint's changed gives, and the request; "" when it must be asked for.
func (s *Source) State(parent ident.Record) string {
	now, app := s.settings.Now(), s.settings.Application
	state := s.settings.Endpoint.StateOfParent(parent, now, app.Settings)
	if state == "" {
		return ""
	}
	called, err := s.settings.Endpoint.ForParent(parent, now, app.Settings)
	if err != nil {
		return ""
	}
	text, err := json.Marshal([]any{state, called, s.settings.Fields, s.settings.Manifest.Version, app.BaseURL})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// notARecord is the problem of what comes for a parent and is no record.
const notARecord = "the connector reports a deletion or attaches something, and a dependent endpoint takes records alone"

// FetchFor returns what belongs to one record of the endpoint that Parent names, under the
// key of that record: nothing, one record, or two when there are more than one. An error is
// a *RecordError when it is about this record, and others may be asked for all the same.
func (s *Source) FetchFor(ctx context.Context, parent ident.Record) ([]ident.Record, error) {
	now, app := s.settings.Now(), s.settings.Application
	called, err := s.settings.Endpoint.ForParent(parent, now, app.Settings)
	if err != nil {
		return nil, &RecordError{Err: fmt.Errorf("endpoint %s of application %s: %w", s.settings.Endpoint.Name, app.Name, err)}
	}
	app.Macros = macro.ForParent(s.settings.Manifest, app.Settings, now, parent.Fields)
	var records []ident.Record
	_, err = s.call(ctx, app, abi.FetchCall{Endpoint: called, Keep: s.settings.Fields, Unkeyed: true}, func(batch []ident.Record) error {
		for _, r := range batch[:min(len(batch), 2-len(records))] {
			if r.Deleted || r.Partial {
				r = ident.Record{Endpoint: r.Endpoint, Problem: notARecord}
			}
			r.Key, r.Number = parent.Key, parent.Number
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		return nil, aboutParent(err)
	}
	return records, nil
}

// aboutParent is aboutOne, but for an application that is out of order: others would get no
// answer either.
func aboutParent(err error) error {
	err = aboutOne(err)
	var one *RecordError
	var failed *host.CallError
	if errors.As(err, &one) && errors.As(err, &failed) && failed.Kind == abi.KindUnavailable {
		return one.Err
	}
	return err
}
