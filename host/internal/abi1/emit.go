package abi1

import (
	"errors"
	"fmt"
	"io"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// emit delivers the records of a body: docs/connector-abi.md, emit.
func emit(f *frame) int64 {
	h, array, record, flags := f.i64(), f.bytes(), f.bytes(), f.i32()
	if f.bad {
		return f.outside()
	}
	c := f.call
	if flags&^abi.EmitKeyed != 0 {
		return c.no(abi.CodeArgument, "flags %d are not known in this version", flags)
	}
	r, bad := c.open(h)
	if r == nil {
		return bad
	}
	spec := c.Spec
	spec.Keyed = flags&abi.EmitKeyed != 0
	var err error
	if spec.Array, err = pointer(array); err != nil {
		return c.no(abi.CodeInput, "%v", err)
	}
	if spec.Record, err = pointer(record); err != nil {
		return c.no(abi.CodeInput, "%v", err)
	}
	r.index = jsonstream.Index{} // a failed delivery leaves no index
	n, err := c.deliver(r.reader(c.Context), r.Body.Size(), spec, &r.index, origin{fmt.Sprintf("answer %d", r.number), h})
	if err != nil {
		return c.broken(err, r.blame(err))
	}
	c.announced(r)
	return n
}

// origin says where records come from.
type origin struct {
	name   string // names the source in messages about a record
	answer int64  // the handle; 0: the guest made the records
}

// deliver streams records to the agent.
func (c *Call) deliver(in io.Reader, size int64, spec jsonstream.Spec, index *jsonstream.Index, from origin) (int64, error) {
	if c.Sink == nil {
		return 0, errNoSink
	}
	if c.SinkErr != nil {
		return 0, jsonstream.ErrDelivery
	}
	if err := c.page(from.answer); err != nil {
		return 0, err
	}
	defer c.Clock.Pause()()
	sum := uint64(0)
	n, err := jsonstream.Emit(in, size, spec, index, func(rec jsonstream.Record) error {
		if rec.Problem != "" {
			rec.Problem, rec.Place = cut(rec.Problem), cut("record "+rec.Place+" of "+from.name)
		}
		sum = c.progress.sum(sum, rec)
		return c.hand(Record{Record: rec})
	})
	c.pages.listed += n
	if err == nil {
		err = c.repeats(sum, from.answer)
	}
	if err == nil {
		err = c.progress.delivered(sum, from.answer, c.empty())
	}
	return n, err
}

// hand passes one record to the agent.
func (c *Call) hand(rec Record) error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.Records >= c.limit(c.MaxRecords, abi.MaxRecords) {
		return errManyRecords
	}
	c.Records++
	if c.SinkErr = c.Sink(rec); c.SinkErr != nil {
		return fmt.Errorf("%w: %w", errStopped, c.SinkErr)
	}
	return nil
}

var (
	errNoSink      = errors.New("this call delivers no records")
	errStopped     = errors.New("the agent takes no more records of this call")
	errManyRecords = errors.New("the call has delivered as many records as one call may")
)

// broken returns the code of a failed delivery. If records may have been
// delivered, it also notes that nothing of the call counts.
func (c *Call) broken(err error, text string) int64 {
	if errors.Is(err, errNoSink) {
		return c.no(abi.CodeState, "%v", err)
	}
	if !errors.Is(err, jsonstream.ErrNoValue) && !errors.Is(err, jsonstream.ErrNotArray) && c.Broken == nil {
		c.Broken = errors.New(cut(text))
	}
	return c.no(code(err), "%s", text)
}
