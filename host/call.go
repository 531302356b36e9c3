package host

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Record is one record that a connector delivered.
type Record struct {
	// Key is the primary key as text, numbers with the digits that were sent.
	// It is "" when Problem says why there is none: the record is to be set
	// aside, and somebody is present whose key is not known.
	Key     string
	Problem string
	// Deleted says that the application reports this key as deleted. There are
	// no Fields.
	Deleted bool
	// Partial says that Fields belong to the record with this key, which came
	// before or comes later: an attachment, as base64 text.
	Partial bool
	// Fields holds nil, string, bool, json.Number, []any and map[string]any. A
	// field that was not delivered has no entry, one that is null a nil entry.
	Fields map[string]any
}

// Report tells what a fetch took.
type Report struct {
	Records  int64
	Requests int
	Bytes    int64         // of bodies
	Waited   time.Duration // that the connector asked for
	Took     time.Duration
	Memory   uint64 // of the instance at its end, in bytes
	Cursor   string // what the connector wants to go on from next time; "" when it said nothing
}

// Limits on a connector's own retries, unless the call says otherwise.
const (
	defaultAttempts = 5
	defaultMaxWait  = 5 * time.Minute
	// checkTimeout bounds a whole check, as a multiple of the call's time-out.
	checkTimeout = 4
)

// Fetch runs the connector over one endpoint and calls sink with each record,
// in the order in which they come. Records count only when the error is nil:
// the answer was whole. An error of sink ends the fetch and is returned as it
// is; other errors are a *CallError, or that of ctx.
func (c *Connector) Fetch(ctx context.Context, app Application, call abi.FetchCall, sink func(Record) error) (Report, error) {
	call.Endpoint.Normalize()
	if err := call.Endpoint.Validate(); err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, fmt.Sprintf("endpoint %q: %v", call.Endpoint.Name, err))
	}
	key, err := jsonstream.ParsePointer(call.Endpoint.Key)
	if err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, err.Error())
	}
	return c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionFetch, Endpoint: &call.Endpoint, Retry: call.Retry},
		export:  abi.ExportFetch,
		timeout: c.host.settings.FetchTimeout,
		spec:    jsonstream.Spec{Key: key, Keep: call.Keep, All: call.Keep == nil},
		sink: func(r jsonstream.Record) error {
			return sink(Record{Key: r.Key, Problem: r.Problem, Fields: r.Fields})
		},
	})
}

// Check makes the connector's own cheap request, to see whether the
// application accepts the credentials.
func (c *Connector) Check(ctx context.Context, app Application) error {
	_, err := c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionCheck},
		export:  abi.ExportCheck,
		timeout: checkTimeout * c.host.settings.CallTimeout,
	})
	return err
}

// job is what one call is to do.
type job struct {
	input   abi.Call
	export  string
	timeout time.Duration
	spec    jsonstream.Spec
	sink    func(jsonstream.Record) error
}

// call prepares a call, runs it and reports it.
func (c *Connector) call(ctx context.Context, app Application, j job) (Report, error) {
	c, release, err := c.pin(ctx)
	if err != nil {
		return Report{}, err
	}
	defer release()
	client, err := c.client(app)
	if err != nil {
		return Report{}, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	defer client.Close()
	if j.input.Settings, err = settings(c.module.Manifest, app.Settings); err != nil {
		return Report{}, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	if j.input.Retry.Attempts == 0 {
		j.input.Retry.Attempts = defaultAttempts
	}
	if j.input.Retry.MaxWaitMS == 0 {
		j.input.Retry.MaxWaitMS = defaultMaxWait.Milliseconds()
	}
	j.input.Application = app.Name
	input, err := json.Marshal(j.input)
	if err != nil {
		return Report{}, fmt.Errorf("encode call: %w", err)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, j.timeout, errTimeout)
	defer cancel()
	state := &abi1.Call{
		Context: ctx, Input: input, Spec: j.spec, Sink: j.sink, Client: client,
		Log: c.host.log.With("connector", c.module.Manifest.Name, "application", app.Name),
	}
	defer state.Close()
	end := c.run(state, j.export)
	report := Report{
		Records: state.Records, Requests: state.Requests, Bytes: state.Bytes,
		Waited: state.Waited, Took: time.Since(start), Memory: end.memory,
	}
	err = c.verdict(state, app, j, end)
	c.observe(j.input.Function, err, report)
	return report, err
}

func (c *Connector) observe(function string, err error, r Report) {
	if c.host.observer == nil {
		return
	}
	c.host.observer.ConnectorCall(c.module.Manifest.Name, function, resultOf(err), r.Took, r.Memory)
}
