// Package abi defines the contract between a connector and its host: the names,
// numbers and wire types of the import module rollcall_v1. The host implements
// it, package sdk calls it, and docs/connector-abi.md describes it for authors
// in any language.
//
// It is not the library for connector authors (that is package sdk), and it
// knows nothing of WebAssembly runtimes. A function, code or JSON field that
// has shipped is never changed or removed: the contract only grows.
package abi

const (
	// Module is the import module of the host functions, and the value of
	// `abi` in a manifest.
	Module = "rollcall_v1"
	// WASI is the only other import module that a connector may use, limited to
	// the functions that WASIFunctions lists.
	WASI = "wasi_snapshot_preview1"
	// ManifestSection is the custom section that holds the text of
	// manifest.toml.
	ManifestSection = "rollcall.manifest"
	// SignatureSuffix is appended to a module's file name to name the file of its
	// detached minisign signature.
	SignatureSuffix = ".minisig"
)

// The exports of a connector. A connector that lacks one does not support it.
const (
	ExportFetch      = "rollcall_fetch"    // () -> i32: 0 when every record was emitted
	ExportInvoke     = "rollcall_invoke"   // () -> i32: 0 when the webhook's request was carried out
	ExportCheck      = "rollcall_check"    // () -> i32: 0 when the application answers with these credentials
	ExportReusable   = "rollcall_reusable" // () -> i32: 1 when the instance can serve another call
	ExportInitialize = "_initialize"       // () -> (): called once, before any other
	ExportMemory     = "memory"
)

// Limits that are part of the contract. The host's settings may be stricter.
const (
	MaxHandles      = 64       // open responses of one call
	MaxRequests     = 100_000  // http_send calls in one call
	MaxWaits        = 100_000  // wait_ms calls in one call
	MaxRequestSize  = 16 << 20 // bytes of the JSON given to http_send
	MaxRecordsSize  = 16 << 20 // bytes of the JSON given to emit_json
	MaxFindings     = 1_000    // findings of one check
	MaxFindingsSize = 1 << 20  // bytes of the JSON of findings given to emit_json at once
	MaxValueSize    = 1 << 20  // bytes of a value that json_get answers
	MaxBodySize     = 2 << 30  // bytes of one response body after decompression
	MaxOpenSize     = 4 << 30  // bytes of the bodies that are open at once
	MaxCallSize     = 64 << 30 // bytes of all bodies of one call
	MaxTextSize     = 8 << 10  // bytes of one log line or failure; more is cut
	MaxLogLines     = 1_000    // lines of one call, stdout and stderr included; more are counted and dropped
	MaxRecords      = 20 << 20 // records, deletions and attachments of one call
	MaxIdlePages    = 100      // pages in a row without anything new, unless the endpoint's repeat says otherwise
	MaxIdleRequests = 1_000    // requests of a fetch in a row without anything new, pages or not
	MaxPointerSize  = 4 << 10  // bytes of a JSON pointer
	MaxFields       = 1_000    // headers, or query parameters, of one request
	MaxKeySize      = 4 << 10  // bytes of a key given to emit_deleted or attach
	MaxAttachment   = 1 << 20  // bytes of a body given to attach
	MaxCursorSize   = 16 << 10 // bytes of a cursor
	MaxHMACSize     = 16 << 20 // bytes that secret_hmac signs at once
	MaxMacros       = 100_000  // macro calls in one call
	MaxTemplateSize = 64 << 10 // bytes of a template given to macro
	MaxMacroSize    = 1 << 20  // bytes of a text that macro answers
)

// Code is a negative answer of a host function. The function last_error
// explains it in words.
type Code int64

// The codes.
const (
	CodeArgument    Code = -1  // a pointer and length outside memory, a negative number, an unknown flag
	CodeHandle      Code = -2  // a handle that was never given out in this call, or was released
	CodeLimit       Code = -3  // a limit of the call is used up
	CodeInput       Code = -4  // the JSON or pointer that the guest passed is not what is expected
	CodeRefused     Code = -5  // a rule of the host forbids it: host, scheme, redirect
	CodeNetwork     Code = -6  // there is no complete answer: name, connection, TLS, time-out, cut body
	CodeAuth        Code = -7  // the credentials cannot be had, or a refresh was rejected
	CodeDeadline    Code = -8  // the time of the whole call is over, or would be before the wait ends
	CodeNotJSON     Code = -9  // the body is not valid JSON, or truncated, up to the place that was read
	CodeNoValue     Code = -10 // there is nothing at the pointer, no such header, or a value of a template is missing
	CodeNotArray    Code = -11 // what is at the pointer is not an array
	CodeTooLarge    Code = -12 // the value or body is over its limit
	CodeStopped     Code = -13 // the agent takes no more records of this call
	CodeState       Code = -14 // not now: called from _initialize, or a record out of rollcall_check
	CodeRateLimited Code = -15 // the application's rate limit or daily budget asks to wait longer than the call may
)

// EmitKeyed is a flag of emit: the records are the members of an
// object, not the elements of an array: {"17": {...}, "18": {...}}.
const EmitKeyed int32 = 1

// Algorithm is the hash of secret_hmac.
type Algorithm int32

// The algorithms.
const (
	HMACSHA256 Algorithm = 1
	HMACSHA512 Algorithm = 2
	HMACSHA1   Algorithm = 3 // for APIs that offer nothing stronger
)

// String returns the code's name, as the documentation spells it.
func (c Code) String() string {
	names := [...]string{
		"", "argument", "handle", "limit", "input", "refused", "network", "auth", "deadline",
		"not_json", "no_value", "not_array", "too_large", "stopped", "state", "rate_limited",
	}
	if c < 0 && int(-c) < len(names) {
		return names[-c]
	}
	return "unknown"
}

// Error returns the code's name and makes a code an error for errors.Is.
func (c Code) Error() string { return c.String() }

// Codes lists all codes, highest first.
func Codes() []Code {
	var all []Code
	for c := CodeArgument; c >= CodeRateLimited; c-- {
		all = append(all, c)
	}
	return all
}

// Kind says why a call failed, sorted by what an operator has to do about it.
// It is the first argument of fail.
type Kind int32

// The kinds.
const (
	KindInternal    Kind = 0 // a fault of the connector or the host
	KindAuth        Kind = 1 // the application does not accept the credentials
	KindForbidden   Kind = 2 // the credentials are good, but may not do this
	KindBlocked     Kind = 3 // something in front of the application turns the client away (an HTML page with 403)
	KindRateLimited Kind = 4 // too many requests, and the wait is longer than the call allows
	KindUnavailable Kind = 5 // no answer, or the application says that it has a fault
	KindBadResponse Kind = 6 // an answer that is not what the API promises
	KindRefused     Kind = 7 // a rule of the host forbids the request
	KindConfig      Kind = 8 // the configuration asks for something that the application does not offer
)

// String returns the name that errors, logs and metrics use.
func (k Kind) String() string {
	names := [...]string{
		"internal", "auth", "forbidden", "blocked", "rate_limited",
		"unavailable", "bad_response", "refused", "config",
	}
	if k >= 0 && int(k) < len(names) {
		return names[k]
	}
	return "internal"
}

// Kinds lists all kinds by number.
func Kinds() []Kind {
	var all []Kind
	for k := KindInternal; k <= KindConfig; k++ {
		all = append(all, k)
	}
	return all
}

// Level is the first argument of log.
type Level int32

// The levels.
const (
	LevelDebug Level = 0
	LevelInfo  Level = 1
	LevelWarn  Level = 2
	LevelError Level = 3
)
