package abi1

// lastError returns the last failure in words: docs/connector-abi.md,
// last_error.
func lastError(f *frame) int64 {
	buf := f.bytes()
	if f.bad {
		return f.outside()
	}
	return give(buf, []byte(f.call.problem))
}
