package host

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// checkLinks compares a module's imports and exports with the ABI.
func checkLinks(file *wasmfile.File) error {
	known := linkable()
	for _, i := range file.Imports {
		name := i.Module + "." + i.Name
		f, ours := known[name]
		switch {
		case i.Kind != wasmfile.KindFunction:
			return fmt.Errorf("it imports %s, which is not a function", name)
		case i.Module == abi.WASI && slices.Contains(abi.WASIFunctions(), i.Name):
		case i.Module == abi.WASI:
			return fmt.Errorf("it imports %s: connectors have no files, environment or sockets", name)
		case !ours:
			return fmt.Errorf("it imports %s, which %s does not have", name, abi.Module)
		case !i.Signature.Equal(signature(f)):
			return fmt.Errorf("it imports %s with another signature than %s", name, f)
		}
	}
	return checkExports(file)
}

// linkable returns the functions besides WASI's that a module may import, by
// module and name.
func linkable() map[string]abi.Function {
	known := map[string]abi.Function{}
	for _, f := range abi.Functions() {
		known[abi.Module+"."+f.Name] = f
	}
	for _, f := range abi.EnvFunctions() {
		known[abi.ModuleEnv+"."+f.Name] = f
	}
	return known
}

func checkExports(file *wasmfile.File) error {
	status := wasmfile.Signature{Results: []byte{typeI32}}
	supported := false
	for _, e := range file.Exports {
		want := status
		switch e.Name {
		case abi.ExportFetch, abi.ExportInvoke, abi.ExportCheck:
			supported = true
		case abi.ExportReusable:
		case abi.ExportInitialize:
			want = wasmfile.Signature{}
		default:
			continue
		}
		if e.Kind != wasmfile.KindFunction || !e.Signature.Equal(want) {
			return fmt.Errorf("its export %s has another signature than %s promises", e.Name, abi.Module)
		}
	}
	if !supported {
		return fmt.Errorf("not a connector: it exports none of %s, %s and %s", abi.ExportFetch, abi.ExportInvoke, abi.ExportCheck)
	}
	return nil
}

// Value types of the binary format.
const (
	typeI32 = 0x7F
	typeI64 = 0x7E
)

func signature(f abi.Function) wasmfile.Signature {
	types := map[abi.Type]byte{abi.I32: typeI32, abi.I64: typeI64}
	var s wasmfile.Signature
	for _, p := range f.Params {
		s.Params = append(s.Params, types[p.Type])
	}
	if f.Result != "" {
		s.Results = []byte{types[f.Result]}
	}
	return s
}
