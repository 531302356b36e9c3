package abi1

// bodySize returns a body's size: docs/connector-abi.md, body_size.
func bodySize(f *frame) int64 {
	r, bad := f.call.open(f.i64())
	if r == nil {
		return bad
	}
	return r.Body.Size()
}
