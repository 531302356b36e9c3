package source

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Try is like Fetch from the beginning, for a person who looks at what comes: with
// every field of the records, unless Fields of the settings lists some, and at
// most so many pages (0: all). It ends with host.ErrEnough when there may be more.
// The report is there in any case.
func (s *Source) Try(ctx context.Context, pages int, each func([]ident.Record) error) (host.Report, error) {
	now, app := s.settings.Now(), s.settings.Application
	var from ident.Position
	called, err := s.settings.Endpoint.At(now, from, app.Settings)
	if err != nil {
		return host.Report{}, fmt.Errorf("endpoint %s of application %s: %w", s.settings.Endpoint.Name, app.Name, err)
	}
	app.Macros = macro.ForFetch(s.settings.Manifest, app.Settings, now, from.Since)
	app.Paging = pagingOf(s.settings.Endpoint.Pages(now, from, app.Settings))
	report, err := s.call(ctx, app, abi.FetchCall{Endpoint: called, Keep: s.settings.Fields, Pages: pages}, each)
	if err != nil {
		return report, WithNext(err)
	}
	return report, nil
}
