package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Record is one record that a connector delivered.
type Record struct {
	// Key is the primary key as text; a number is spelled as by abi.NumberKey.
	// "" means that the record has no usable key: somebody is present, but
	// under an unknown key.
	Key string
	// Number is the key as the application sent it, when it is a number.
	Number string
	// Problem says why the record must be quarantined: it has no key, or a field
	// that is needed has a fault. Place says where the record was.
	Problem string
	Place   string
	// Deleted says that the application reports this key as deleted. Fields is
	// empty.
	Deleted bool
	// Partial says that Fields belong to the record with this key, which came
	// before or comes later: an attachment, as base64 text.
	Partial bool
	// Fields holds nil, string, bool, json.Number, []any and map[string]any. A
	// field that was not delivered has no entry; a null field has a nil entry.
	Fields map[string]any
}

// Report describes what a fetch used.
type Report struct {
	Records  int64
	Requests int
	Pages    int           // answers, and lists of the connector's own, that records came from
	Bytes    int64         // of all bodies
	Waited   time.Duration // waits that the connector asked for
	Took     time.Duration
	Memory   uint64 // of the instance at its end, in bytes
	Cursor   string // where the connector wants to go on next time; "" when it did not say
	findings []abi.Finding
}

// Limits on a connector's own retries, unless the call sets others.
const (
	defaultAttempts = 5
	defaultMaxWait  = 5 * time.Minute
	// checkTimeout bounds a whole check, as a multiple of the call's time-out.
	checkTimeout = 4
)

// Fetch runs the connector over one endpoint and calls sink with each record,
// in the order of arrival. Records count only when the error is nil, because
// only then was the answer complete. An error of sink ends the fetch and is
// returned unchanged; other errors are a *CallError, or that of ctx.
func (c *Connector) Fetch(ctx context.Context, app Application, call abi.FetchCall, sink func(Record) error) (Report, error) {
	call.Endpoint.Normalize()
	if err := call.Endpoint.Validate(); err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, fmt.Sprintf("endpoint %q: %v", call.Endpoint.Name, err))
	}
	key, err := jsonstream.ParsePointer(call.Endpoint.Key)
	if err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, err.Error())
	}
	known, inManifest := c.Manifest().Endpoint(call.Endpoint.Name)
	foreign := inManifest && known.Key != call.Endpoint.Key && !call.Unkeyed
	if call.Unkeyed {
		key = nil
	}
	report, _, err := c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionFetch, Endpoint: &call.Endpoint, Retry: call.Retry},
		export:  abi.ExportFetch,
		timeout: c.host.settings.FetchTimeout,
		spec: jsonstream.Spec{
			Key: key, Keep: call.Keep, All: call.Keep == nil, Foreign: foreign, Single: call.Endpoint.Single || call.Unkeyed, Unkeyed: call.Unkeyed,
		},
		empty: call.Endpoint.Repeat.MaxEmpty,
		pages: call.Pages,
		sink: func(r abi1.Record) error {
			if foreign && (r.Deleted || r.Partial) {
				return c.foreignKey(app, known.Key, call.Endpoint.Key, r.Deleted)
			}
			return sink(Record{
				Key: r.Key, Number: r.Number, Problem: r.Problem, Place: r.Place, Deleted: r.Deleted, Partial: r.Partial, Fields: r.Fields,
			})
		},
		cursor: call.Cursor,
	})
	return report, err
}

// foreignKey returns the error for a deletion or attachment whose key is the
// API's own, when the data source tells records apart by another field: the
// same value could be somebody else's key there.
func (c *Connector) foreignKey(app Application, own, key string, deleted bool) error {
	what := "attaches something to the record"
	if deleted {
		what = "reports the deletion of the record"
	}
	e := c.fault(app, abi.FunctionFetch, abi.KindConfig,
		fmt.Sprintf("the connector %s with a key that is %s by its manifest, and records are told apart by %s: it could be somebody else's",
			what, own, key))
	e.Next = fmt.Sprintf("set primary_key = %q, the key that the API has", strings.TrimPrefix(own, "/"))
	return e
}

// Check lets the connector make its own cheap requests. They show whether the
// application accepts the credentials, and which of the rights in needs the
// account has. A right without a finding was not examined.
func (c *Connector) Check(ctx context.Context, app Application, needs []abi.Need) ([]abi.Finding, error) {
	report, _, err := c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionCheck, Needs: needs},
		export:  abi.ExportCheck,
		timeout: checkTimeout * c.host.settings.CallTimeout,
	})
	if err != nil {
		return nil, err
	}
	if app.Credentials != nil {
		for i := range report.findings {
			report.findings[i].Reason = body.Redact(report.findings[i].Reason, app.Credentials.Redact())
		}
	}
	return report.findings, nil
}

// job describes one call.
type job struct {
	input   abi.Call
	export  string
	timeout time.Duration
	spec    jsonstream.Spec
	sink    func(abi1.Record) error // nil: the call delivers no records
	cursor  string
	empty   int // pages in a row that may bring nothing new; 0: the default
	pages   int // after which the fetch is ended; 0: none
}

// single reports whether a call fetches one record: like an invoke it is short, and
// there may be many.
func (j job) single() bool { return j.input.Endpoint != nil && j.spec.Single }

// call prepares a call, runs it and reports it. The answer is nil unless the
// guest responded.
func (c *Connector) call(ctx context.Context, app Application, j job) (Report, *Answer, error) {
	c, release, err := c.pin(ctx)
	if err != nil {
		return Report{}, nil, err
	}
	defer release()
	if why := c.cannotPage(j); why != "" {
		e := c.fault(app, j.input.Function, abi.KindConfig, why)
		e.Next = "take these keys away, or have the connector built with this version's SDK, letting sdk.Pages do the paging"
		return Report{}, nil, e
	}
	client, err := c.client(app, j.input.Function == abi.FunctionInvoke)
	if err != nil {
		return Report{}, nil, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	defer client.Close()
	if j.input.Settings, err = settings(c.module.Manifest, app.Settings); err != nil {
		return Report{}, nil, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	input, err := encode(app, j.input)
	if err != nil {
		return Report{}, nil, err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, j.timeout, errTimeout)
	defer cancel()
	state := &abi1.Call{
		Context: ctx, Input: input, Spec: j.spec, Sink: j.sink, Client: client, Secrets: client, Macros: app.Macros, Cursor: j.cursor,
		Invoke: j.input.Function == abi.FunctionInvoke, Check: j.input.Function == abi.FunctionCheck, Needs: j.input.Needs, MaxEmpty: j.empty,
		Log: c.host.log.With("connector", c.module.Manifest.Name, "application", app.Name),
	}
	defer state.Close()
	if err := j.follow(state, app.Paging); err != nil {
		return Report{}, nil, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	of, known := c.owner(app)
	end, instance := c.run(state, j.export, of, known && (state.Invoke || j.single()))
	report := Report{
		Records: state.Records, Requests: state.Requests, Pages: state.Pages(), Bytes: state.Bytes,
		Waited: state.Waited, Took: time.Since(start), Memory: end.memory, findings: state.Findings,
	}
	answer, err := c.settle(state, app, j, end)
	if err == nil {
		report.Cursor = state.NextCursor
	}
	switch {
	case instance == nil:
	case err == nil:
		c.host.idle.give(of, instance)
	default: // what it did was wrong, whatever it said
		instance.close()
	}
	if !app.rehearse {
		c.observe(j.input.Function, err, report)
	}
	return report, answer, err
}

// follow tells a call what is known of its pages. A page that repeats shows in a
// whole list only: of changes somebody may come twice.
func (j job) follow(state *abi1.Call, by Paging) error {
	e := j.input.Endpoint
	if e == nil {
		return nil
	}
	state.Paging, state.MaxPages, state.EndAt, state.TotalHeader = by, e.Repeat.MaxPages, j.pages, e.Repeat.TotalHeader
	state.NoRepeats = e.Mode == abi.ModeFull && e.Repeat.Style != abi.RepeatNone
	var err error
	if e.Repeat.Total != "" {
		state.Total, err = jsonstream.ParsePointer(e.Repeat.Total)
	}
	return err
}

// cannotPage says which keys of the endpoint the connector does not know; "" when
// it can do all of them. It would take the first page for everything.
func (c *Connector) cannotPage(j job) string {
	e := j.input.Endpoint
	if e == nil || !e.ByHost() {
		return ""
	}
	for _, f := range c.compiled.ImportedFunctions() {
		if module, name, _ := f.Import(); module == abi.Module && name == "page_until" {
			return ""
		}
	}
	var keys []string
	for key, set := range map[string]bool{
		"until": e.Repeat.Until != "", "next_header": e.Repeat.NextHeader != "", "page in the body": e.PagedBody,
	} {
		if set {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return fmt.Sprintf("endpoint %s uses %s, which the connector does not know: it would take the first page for all records",
		e.Name, strings.Join(keys, " and "))
}

// encode returns the JSON that call_input passes to the guest.
func encode(app Application, call abi.Call) ([]byte, error) {
	if call.Retry.Attempts == 0 {
		call.Retry.Attempts = defaultAttempts
	}
	if call.Retry.MaxWaitMS == 0 {
		call.Retry.MaxWaitMS = defaultMaxWait.Milliseconds()
	}
	call.Application = app.Name
	if call.Endpoint != nil { // these are for the agent only
		e := *call.Endpoint
		e.Audience, e.Attributes, e.One = "", nil, nil
		call.Endpoint = &e
	}
	input, err := json.Marshal(call)
	if err != nil {
		return nil, fmt.Errorf("encode call: %w", err)
	}
	return input, nil
}

// settle returns the call's verdict and, for an invoke that succeeded, its
// answer.
func (c *Connector) settle(state *abi1.Call, app Application, j job, end ending) (*Answer, error) {
	if err := c.verdict(state, app, j, end); err != nil || !state.Invoke {
		return nil, err
	}
	answer, err := answerOf(state, j.input.Webhook)
	if err == nil {
		return answer, nil
	}
	kind := abi.KindBadResponse
	if state.Answer == nil {
		kind = abi.KindInternal
	}
	e := c.fault(app, j.input.Function, kind, err.Error())
	e.Status, e.Sent = state.Status, state.Sent
	return nil, e
}

func (c *Connector) observe(function string, err error, r Report) {
	if c.host.observer == nil {
		return
	}
	c.host.observer.ConnectorCall(c.module.Manifest.Name, function, resultOf(err), r.Took, r.Memory)
}
