package abi1

import "github.com/rollcall-agent/rollcall/sdk/abi"

// fail says why the call fails: docs/connector-abi.md, fail.
func fail(f *frame) int64 {
	kind, text := f.i32(), f.bytes()
	if f.bad {
		return f.outside()
	}
	k := abi.Kind(kind)
	if k < abi.KindInternal || k > abi.KindConfig {
		k = abi.KindInternal
	}
	f.call.Failure = &Failure{Kind: k, Text: cut(string(text[:min(len(text), abi.MaxTextSize+1)]))}
	return 0
}
