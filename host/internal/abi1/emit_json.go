package abi1

import (
	"bytes"
	"fmt"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// emitJSON delivers records that the guest made, or findings of a check:
// docs/connector-abi.md, emit_json.
func emitJSON(f *frame) int64 {
	records := f.bytes()
	if f.bad {
		return f.outside()
	}
	if f.call.Check {
		return f.call.findings(records)
	}
	if len(records) > abi.MaxRecordsSize {
		return f.call.no(abi.CodeTooLarge, "%d bytes of records at once, more than %d", len(records), abi.MaxRecordsSize)
	}
	spec := f.call.Spec
	spec.Array, spec.Record, spec.Keyed = nil, nil, false
	f.call.batches++
	from := origin{name: fmt.Sprintf("batch %d that the connector made", f.call.batches)}
	n, err := f.call.deliver(bytes.NewBuffer(records), int64(len(records)), spec, nil, from)
	if err != nil {
		return f.call.broken(err, err.Error())
	}
	return n
}
