package abi

import "slices"

// Type is a value type of WebAssembly.
type Type string

// The types that the ABI uses.
const (
	I32 Type = "i32"
	I64 Type = "i64"
)

// Function is one host function.
type Function struct {
	Name    string
	Params  []Param
	Result  Type // "" for none
	Summary string
	Codes   []Code // every code that it may return, except for state from _initialize
}

// Param is a parameter of a host function.
type Param struct {
	Name string
	Type Type
}

// String returns the signature as docs/connector-abi.md writes it.
func (f Function) String() string {
	s := f.Name + "("
	for i, p := range f.Params {
		if i > 0 {
			s += ", "
		}
		s += p.Name + " " + string(p.Type)
	}
	s += ")"
	if f.Result != "" {
		s += " -> " + string(f.Result)
	}
	return s
}

// Functions lists the host functions of Module.
//
// Pointers and lengths are bytes of the guest's memory; the host checks them
// first. A pair (ptr, cap) is a buffer for an answer: the result is the length
// that the answer needs, and nothing is written when that is more than cap.
// Negative results are a Code. A handle is valid only in the call that received
// it.
func Functions() []Function {
	return slices.Concat(requestFunctions(), recordFunctions(), pageFunctions(), callFunctions())
}

// The parameters that functions share.
var (
	answer = []Param{{"ptr", I32}, {"cap", I32}}
	handle = []Param{{"handle", I64}}
)

func text(name string) []Param { return []Param{{name + "_ptr", I32}, {name + "_len", I32}} }

func join(groups ...[]Param) []Param { return slices.Concat(groups...) }

func codes(list ...Code) []Code { return list }

// requestFunctions send requests and read the answers.
func requestFunctions() []Function {
	return []Function{
		{"call_input", answer, I64, "answers the call as JSON (type Call)", codes(CodeArgument)},
		{
			"http_send", text("request"), I64,
			"sends a request (type Request) with the application's credentials and answers a handle once the body is there, whatever the status",
			codes(CodeArgument, CodeLimit, CodeInput, CodeRefused, CodeNetwork, CodeAuth, CodeDeadline, CodeTooLarge, CodeRateLimited),
		},
		{"http_status", handle, I32, "answers the HTTP status of a response", codes(CodeHandle)},
		{
			"http_header", join(handle, text("name"), answer), I64,
			"answers a header of a response, several lines joined by a comma; no_value when there is none",
			codes(CodeArgument, CodeHandle, CodeNoValue),
		},
		{
			"json_get", join(handle, text("pointer"), answer), I64, "answers the raw JSON of the value at a JSON pointer (RFC 6901) of the body",
			codes(CodeArgument, CodeHandle, CodeInput, CodeNetwork, CodeNotJSON, CodeNoValue, CodeTooLarge, CodeDeadline),
		},
		{
			"body_read", join(handle, []Param{{"offset", I64}}, answer), I64,
			"copies the body from an offset and answers the number of bytes copied, 0 at the end", codes(CodeArgument, CodeHandle, CodeNetwork),
		},
		{"body_size", handle, I64, "answers the size of the body in bytes, after decompression", codes(CodeHandle)},
		{"release", handle, I32, "frees a response; handles that remain are freed with the call", codes(CodeHandle)},
	}
}

// recordFunctions deliver records and keep the cursor.
func recordFunctions() []Function {
	return []Function{
		{
			"emit", join(handle, text("array"), text("record"), []Param{{"flags", I32}}), I64,
			"delivers the elements of the array at a JSON pointer as records, each found at the record pointer within its element, " +
				"and answers their number; with the flag EmitKeyed the members of an object",
			codes(CodeArgument, CodeHandle, CodeInput, CodeNetwork, CodeNotJSON, CodeNoValue, CodeNotArray, CodeTooLarge, CodeLimit,
				CodeDeadline, CodeStopped, CodeState),
		},
		{
			"emit_json", text("records"), I64,
			"delivers records that the guest made itself, as a JSON array, and answers their number; in a check findings",
			codes(CodeArgument, CodeInput, CodeNotJSON, CodeNotArray, CodeTooLarge, CodeLimit, CodeDeadline, CodeStopped, CodeState),
		},
		{
			"emit_deleted", text("key"), I32, "delivers that the application reports this key as deleted",
			codes(CodeArgument, CodeInput, CodeTooLarge, CodeLimit, CodeDeadline, CodeStopped, CodeState),
		},
		{
			"attach", join(handle, text("key"), text("field")), I64,
			"makes the body of a 2xx response the value of a field of the record with this key, and answers its size",
			codes(CodeArgument, CodeHandle, CodeInput, CodeNetwork, CodeTooLarge, CodeLimit, CodeDeadline, CodeStopped, CodeState),
		},
		{
			"cursor_get", answer, I64, "answers the cursor of the last fetch that counted; 0 bytes in the first one", codes(CodeArgument, CodeState),
		},
		{
			"cursor_set", text("cursor"), I32, "sets the cursor that the next fetch gets, when this one counts",
			codes(CodeArgument, CodeInput, CodeTooLarge, CodeState),
		},
	}
}

// pageFunctions evaluate what the configuration says about paging.
func pageFunctions() []Function {
	return []Function{
		{
			"page_body", join(text("position"), []Param{{"number", I64}}, answer), I64,
			"answers the body of the request for a page, from the position and the number of the page",
			codes(CodeArgument, CodeInput, CodeRefused, CodeNoValue, CodeTooLarge, CodeLimit, CodeDeadline, CodeState),
		},
		{
			"page_until", join(handle, []Param{{"number", I64}, {"records", I64}, {"total", I64}}), I32,
			"answers 1 when the endpoint's until says of this answer that it is the last page, and otherwise 0",
			codes(CodeArgument, CodeHandle, CodeInput, CodeNetwork, CodeNotJSON, CodeNoValue, CodeTooLarge, CodeDeadline, CodeState),
		},
	}
}

// callFunctions concern the call itself: its answer, secrets, time, the log and
// errors.
func callFunctions() []Function {
	return []Function{
		{"respond", handle, I32, "makes a response the answer of the webhook", codes(CodeHandle, CodeState)},
		{
			"secret", join(text("name"), answer), I64,
			"answers a placeholder that the host replaces by a secret of the manifest when it sends a request",
			codes(CodeArgument, CodeInput, CodeAuth, CodeDeadline),
		},
		{
			"secret_hmac", join(text("name"), []Param{{"algorithm", I32}}, text("data"), answer), I64,
			"answers the HMAC of data under a secret of the manifest, as bytes",
			codes(CodeArgument, CodeInput, CodeAuth, CodeDeadline, CodeTooLarge),
		},
		{
			"macro", join(text("template"), []Param{{"place", I32}}, answer), I64,
			"renders a template in the scope of the call, its values escaped for a place, and answers the text",
			codes(CodeArgument, CodeInput, CodeRefused, CodeNoValue, CodeTooLarge, CodeLimit, CodeNetwork, CodeDeadline, CodeState),
		},
		{
			"wait_ms",
			[]Param{{"milliseconds", I64}},
			I32, "waits; answers 0, or deadline without waiting when the call would be over before",
			codes(CodeArgument, CodeLimit, CodeDeadline),
		},
		{"log", append([]Param{{"level", I32}}, text("text")...), "", "writes a line to the agent's log", nil},
		{"fail", append([]Param{{"kind", I32}}, text("text")...), "", "says why the call fails; the export then returns other than 0", nil},
		{"last_error", answer, I64, "answers in words what the last negative result of this call was about", codes(CodeArgument)},
	}
}

// ModuleEnv is the import module of AssemblyScript's runtime.
const ModuleEnv = "env"

// EnvFunctions lists the functions of ModuleEnv that a connector may import.
func EnvFunctions() []Function {
	return []Function{{
		Name: "abort", Params: []Param{{"message", I32}, {"file", I32}, {"line", I32}, {"column", I32}},
		Summary: "ends the guest; message and file point to strings of AssemblyScript's",
	}}
}

// WASIFunctions lists the functions of WASI preview 1 that a connector may
// import. There are no files, arguments, environment variables or sockets: the
// functions for those are listed only because language runtimes import them,
// and they answer that there is nothing.
func WASIFunctions() []string {
	return []string{
		"args_get", "args_sizes_get", "clock_res_get", "clock_time_get", "environ_get",
		"environ_sizes_get", "fd_close", "fd_fdstat_get", "fd_fdstat_set_flags",
		"fd_prestat_dir_name", "fd_prestat_get", "fd_read", "fd_seek", "fd_write", "poll_oneoff",
		"proc_exit", "random_get", "sched_yield",
	}
}
