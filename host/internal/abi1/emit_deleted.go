package abi1

import "github.com/rollcall-agent/rollcall/host/internal/jsonstream"

// emitDeleted delivers a deletion: docs/connector-abi.md, emit_deleted.
func emitDeleted(f *frame) int64 {
	raw := f.bytes()
	if f.bad {
		return f.outside()
	}
	key, bad := f.call.key(raw)
	if bad < 0 {
		return bad
	}
	return f.call.single(Record{Record: jsonstream.Record{Key: key}, Deleted: true}, "deleted")
}
