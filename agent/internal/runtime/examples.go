package runtime

import (
	"context"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Examples returns the values that the names in a webhook of an application have for
// an object of the directory: the members of ad, manager and old as they are spelled.
// An object that is not found is the caller's mistake.
func (s *Snapshot) Examples(
	ctx context.Context, application string, w abi.Webhook, kind find.Kind, name string, spelled map[string][]string,
) (map[string]any, error) {
	e, err := s.FindObject(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	o, err := orchestration.Compile(orchestration.Definition{Name: w.Name, Steps: []orchestration.Step{{
		Webhook: &orchestration.Webhook{Ref: w.Name, Application: application, LinkKind: w.Kind, Call: abi.Webhook{Name: w.Name, Path: "/"}},
	}}}, orchestration.Options{})
	if err != nil {
		return nil, err
	}
	o = o.Knowing(spelled)
	read := s.objects()
	defer read.close()
	from := dispatch.Source{Links: s.store, Directory: read, Settings: s.outboundSettings(), Now: time.Now}
	v, err := from.Values(ctx, o, e.GUID, orchestration.Input{})
	if err != nil {
		return nil, err
	}
	return o.Env(0, o.Start(v.Now), v), nil
}
