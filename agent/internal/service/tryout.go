package service

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

type (
	// TestEndpointRequest asks for the call of one endpoint.
	TestEndpointRequest struct {
		OnDisk
		Application, Endpoint string
		Pages                 int // after which it ends; 0: at the end of the list
	}
	// Tried is a part of the answer: first what is called, then records, at last
	// how it ended.
	Tried struct {
		Header  *tryout.Header `json:"header,omitempty"`
		Records []ident.Record `json:"records,omitempty"`
		End     *tryout.End    `json:"end,omitempty"`
		// RunningAgent comes with the end; nil when the agent has the same
		// configuration.
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
)

// UnmarshalJSON keeps numbers as the application spelled them.
func (t *Tried) UnmarshalJSON(text []byte) error {
	type plain Tried
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode((*plain)(t))
}

// TestEndpoint makes the call of an endpoint by the configuration on disk, and
// passes on what it delivers. Nothing is written anywhere.
func (s *Service) TestEndpoint(ctx context.Context, _ Caller, in TestEndpointRequest) iter.Seq2[Tried, error] {
	return listed(func(each func(Tried) error) error {
		now, differs, err := s.agent.OnDisk(ctx, in.OnDisk)
		if err != nil {
			return err
		}
		trial := runtime.EndpointTrial{Application: in.Application, Endpoint: in.Endpoint, Pages: in.Pages}
		end, err := now.TryEndpoint(ctx, trial,
			func(h tryout.Header) error { return each(Tried{Header: &h}) },
			func(batch []ident.Record) error { return each(Tried{Records: batch}) })
		if err != nil {
			return err
		}
		return each(Tried{End: &end, RunningAgent: differs})
	})
}
