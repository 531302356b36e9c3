package abi1

// callInput returns the call: docs/connector-abi.md, call_input.
func callInput(f *frame) int64 {
	buf := f.bytes()
	if f.bad {
		return f.outside()
	}
	return give(buf, f.call.Input)
}
