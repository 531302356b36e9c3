package abi1

// release frees a response: docs/connector-abi.md, release.
func release(f *frame) int64 {
	h := f.i64()
	if r, bad := f.call.open(h); r == nil {
		return bad
	}
	f.call.free(h)
	return 0
}
