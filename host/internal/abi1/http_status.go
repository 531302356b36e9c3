package abi1

// httpStatus returns a status: docs/connector-abi.md, http_status.
func httpStatus(f *frame) int64 {
	r, bad := f.call.open(f.i64())
	if r == nil {
		return bad
	}
	return int64(r.Status)
}
