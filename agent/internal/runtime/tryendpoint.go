package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
	"github.com/rollcall-agent/rollcall/host"
)

// EndpointTrial asks for the call of one endpoint.
type EndpointTrial struct {
	Application, Endpoint string
	Pages                 int // after which it ends; 0: at the end of the list
}

// TryEndpoint makes the call of an endpoint once, as a run would, and passes on
// every field of the records. A call that fails is no error: End says so. An
// error means that nothing was sent, or that each failed; it is an
// *exit.UsageError when the request or the configuration is at fault.
func (s *Snapshot) TryEndpoint(
	ctx context.Context, r EndpointTrial, begin func(tryout.Header) error, each func([]ident.Record) error,
) (tryout.End, error) {
	app, ok := s.config.Applications[r.Application]
	if !ok {
		known := slices.Sorted(maps.Keys(s.config.Applications))
		return tryout.End{}, exit.Mistake(fmt.Errorf("there is no application %q (there is: %s)", r.Application, strings.Join(known, ", ")))
	}
	connector, err := s.servedTo(app)
	if err != nil {
		return tryout.End{}, exit.Mistake(err)
	}
	e, err := fit.Endpoint(s.config, app, r.Endpoint, connector.manifest)
	if err != nil {
		return tryout.End{}, exit.Mistake(err)
	}
	target, err := s.Application(ctx, app, connector.manifest)
	if err != nil {
		return tryout.End{}, exit.Mistake(err)
	}
	header := tryout.Header{
		Application: app.Name, Connector: app.Connector, Endpoint: e.Name, Kind: cmp.Or(e.Kind, ident.UserKind), Audience: string(e.Audience),
		Key: e.Key, Mode: string(e.Mode), Time: time.Now(),
	}
	if err := begin(header); err != nil {
		return tryout.End{}, err
	}
	var end tryout.End
	target.Watch = func(x host.Exchange) { end.Add(shortOf(x)) }
	report, err := source.New(source.Settings{
		Connector: connector.Connector, Application: target, Manifest: connector.manifest, Endpoint: e, Now: time.Now,
	}).Try(ctx, r.Pages, each)
	end.Pages, end.Records, end.Took = report.Pages, report.Records, report.Took.Milliseconds()
	switch {
	case err == nil:
		end.Complete = true
	case errors.Is(err, host.ErrEnough):
	case report.Requests == 0 && end.Sent == 0, ctx.Err() != nil:
		return end, err
	default:
		end.Problem = err.Error()
	}
	return end, nil
}

// mostOfBody is how many bytes of a request's body are shown.
const mostOfBody = 1 << 10

// shortOf describes a request without its answer, which holds people's data.
func shortOf(x host.Exchange) tryout.Request {
	return tryout.Request{
		Method: x.Method, URL: x.URL, Body: strings.ToValidUTF8(x.Body[:min(len(x.Body), mostOfBody)], ""), Status: x.Status, Bytes: x.AnswerSize,
		Took: x.Took.Milliseconds(), Problem: x.Problem,
	}
}
