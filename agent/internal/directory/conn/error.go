package conn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// CodeNetwork is the Code of an Error without an answer from the server.
const CodeNetwork = ldap.ErrorNetwork

const codeInvalidCredentials = ldap.LDAPResultInvalidCredentials

// Errors of this package match these with errors.Is.
var (
	// ErrDenied means that the account lacks a right.
	ErrDenied = errors.New("access is denied")
	// ErrNotFound means that the object does not exist, or that the account
	// may not see it.
	ErrNotFound = errors.New("no such object")
	// ErrReferral means that the object belongs to another domain.
	ErrReferral = errors.New("the object belongs to another domain")
	// ErrUnavailable means that the server did not answer or is busy. The same
	// request may succeed later.
	ErrUnavailable = errors.New("directory is unavailable")
	// ErrCredentials means that the server refuses the name or the password.
	ErrCredentials = errors.New("credentials are refused")
	// ErrOutcomeUnknown means that a write was sent and no answer came. Only
	// reading can show whether it was carried out.
	ErrOutcomeUnknown = errors.New("outcome of the write is unknown")
)

// RefusedPause is how long whoever asks by itself waits after ErrCredentials: AD locks
// an account after a few refused binds.
const RefusedPause = 30 * time.Minute

// RefusedError is what errors.As finds in an error that matches ErrCredentials.
type RefusedError struct{ Server string }

// Error returns the server that refuses.
func (e *RefusedError) Error() string { return e.Server + ": " + ErrCredentials.Error() }

// As finds a RefusedError.
func (e *Error) As(target any) bool {
	refused, ok := target.(**RefusedError)
	if ok = ok && e.Code == codeInvalidCredentials; ok {
		*refused = &RefusedError{Server: e.Server}
	}
	return ok
}

// Error is a failed exchange with a domain controller.
type Error struct {
	Op     string // "connect", "bind", "search", "add", ...
	Server string // URL
	DN     string // the object, or the account of a bind
	Code   int    // LDAP result code (RFC 4511 section 4.1.9), CodeNetwork, or 0 if nothing was sent
	// Data is the Windows code in the diagnostic text of AD: "52e" for a bind,
	// "0000202F" for other requests; "" if there is none.
	Data    string
	Unknown bool // a write that may or may not have been carried out
	Err     error
	Hint    string // what the operator should do next
}

// Error returns operation, object, server, cause and next step.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.DN != "" {
		fmt.Fprintf(&b, " %q", e.DN)
	}
	fmt.Fprintf(&b, " at %s: %v", e.Server, e.Err)
	if e.Unknown {
		fmt.Fprintf(&b, " (%v)", ErrOutcomeUnknown)
	}
	if e.Hint != "" {
		b.WriteString("; next: " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the errors of this package by result code.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Code == ldap.LDAPResultNoSuchObject
	case ErrDenied:
		return e.Code == ldap.LDAPResultInsufficientAccessRights
	case ErrReferral:
		return e.Code == ldap.LDAPResultReferral
	case ErrCredentials:
		return e.Code == codeInvalidCredentials
	case ErrUnavailable:
		return e.Code == CodeNetwork || e.Code == ldap.LDAPResultBusy || e.Code == ldap.LDAPResultUnavailable
	case ErrOutcomeUnknown:
		return e.Unknown
	}
	return false
}

// fail wraps an error from go-ldap or the network.
func (c *Client) fail(r request, err error, unknown bool) error {
	var ours *Error
	if errors.As(err, &ours) {
		return err
	}
	var answer *ldap.Error
	if errors.As(err, &answer) && answer.ResultCode < ldap.ErrorNetwork {
		e := Answer(r.op, c.server.URL, r.dn, int(answer.ResultCode), answer.Err.Error())
		e.Unknown = unknown
		return e
	}
	e := &Error{Op: r.op, Server: c.server.URL, DN: string(r.dn), Code: code(err), Err: err, Unknown: unknown}
	if !errors.Is(err, context.Canceled) {
		e.Hint = hint(e)
	}
	return e
}

// Answer returns the Error for a server's result code and diagnostic text.
func Answer(op, server string, dn ident.DN, code int, diagnostic string) *Error {
	diagnostic = strings.TrimRight(diagnostic, "\x00\n ")
	e := &Error{
		Op: op, Server: server, DN: string(dn), Code: code, Data: windowsCode(diagnostic),
		Err: fmt.Errorf("%s (%d): %s", ldap.LDAPResultCodeMap[uint16(code)], code, diagnostic),
	}
	e.Hint = hint(e)
	return e
}

// NoAnswer returns the Error for a connection that broke. The outcome is
// unknown if a write may have been carried out.
func NoAnswer(op, server string, dn ident.DN, cause error, unknown bool) *Error {
	e := &Error{Op: op, Server: server, DN: string(dn), Code: CodeNetwork, Err: cause, Unknown: unknown}
	e.Hint = hint(e)
	return e
}

// isLocal reports whether an error declares itself a fault of this machine,
// such as an unreadable secret.
func isLocal(err error) bool {
	var here interface{ Local() bool }
	return errors.As(err, &here) && here.Local()
}

// code returns the LDAP result code for err.
func code(err error) int {
	var answer *ldap.Error
	switch {
	case err == nil:
		return ldap.LDAPResultSuccess
	case errors.As(err, &answer) && answer.ResultCode < ldap.ErrorNetwork:
		return int(answer.ResultCode)
	case isNetwork(err):
		return CodeNetwork
	}
	return 0
}

// isNetwork reports whether the connection failed rather than the server.
func isNetwork(err error) bool {
	var ours *Error
	if errors.As(err, &ours) {
		return ours.Code == CodeNetwork
	}
	var answer *ldap.Error
	if errors.As(err, &answer) {
		switch answer.ResultCode {
		case ldap.ErrorFilterCompile, ldap.ErrorFilterDecompile, ldap.ErrorEmptyPassword:
			return false // never sent
		}
		return answer.ResultCode >= ldap.ErrorNetwork
	}
	return !errors.Is(err, errUndecodable)
}

var (
	bindData   = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)\b`)
	systemCode = regexp.MustCompile(`^([0-9A-Fa-f]{8}):`)
)

// windowsCode finds the Windows error code in a diagnostic text: "data 52e" of
// a refused bind, or else the eight hexadecimal digits at its beginning
// (MS-ADTS section 3.1.1.3.1.9).
func windowsCode(diagnostic string) string {
	if m := bindData.FindStringSubmatch(diagnostic); m != nil && m[1] != "0" {
		return text.Lower(m[1])
	}
	if m := systemCode.FindStringSubmatch(diagnostic); m != nil {
		return strings.ToUpper(m[1])
	}
	return ""
}

// bindHints maps the Windows code of a refused bind to the next step.
var bindHints = map[string]string{
	"525": "no such user: check bind_dn",
	"52e": "wrong user or password: check bind_dn and the secret of bind_password",
	"530": "the account may not log on at this hour: change its logon hours",
	"531": "the account may not log on from here: change its workstations",
	"532": "the account's password has expired: set a new one and store it",
	"533": "the account is disabled: enable it",
	"701": "the account has expired: extend it",
	"773": "the account must change its password first: set a new one without that flag and store it",
	"775": "the account is locked out: unlock it, and see who tries wrong passwords",
}

func hint(e *Error) string {
	switch e.Code {
	case ldap.LDAPResultInvalidCredentials:
		if h, ok := bindHints[e.Data]; ok {
			return h
		}
		return bindHints["52e"]
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return "the domain controller wants an encrypted connection: use an ldaps:// URL"
	case ldap.LDAPResultInsufficientAccessRights:
		if e.Op == "dirsync" {
			return "grant the agent's account Replicating Directory Changes on the domain"
		}
		return "delegate the right to the agent's account on that OU"
	case ldap.LDAPResultNoSuchObject:
		return "check that it exists and that the agent's account may read it"
	case ldap.LDAPResultReferral:
		return "the object belongs to another domain: connect to a domain controller of that one"
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return "the domain controller is overloaded or starting: it is tried again with the next run"
	case CodeNetwork:
		if e.Unknown {
			return "the object is read again before anything else is done with it"
		}
		return "check the domain controller and the network: it is tried again with the next run"
	}
	return ""
}

// handshakeError says why TLS failed, and quotes what the certificate claims.
func (l *connection) handshakeError(err error) error {
	e := &Error{
		Op: "connect", Server: l.client.server.URL, Code: CodeNetwork, Err: fmt.Errorf("TLS: %w", err),
		Hint: "check that this port speaks LDAPS and that the domain controller has a certificate",
	}
	var invalid *tls.CertificateVerificationError
	if !errors.As(err, &invalid) || len(invalid.UnverifiedCertificates) == 0 {
		if errors.Is(err, io.EOF) {
			e.Err = errors.New("TLS: the server closed the connection during the handshake")
		}
		return e
	}
	leaf := invalid.UnverifiedCertificates[0]
	ca := l.client.settings.CAFile
	if ca == "" {
		ca = "the system's authorities"
	}
	e.Err = fmt.Errorf("certificate does not verify: %w; host %s, checked with %s; it is for %s, issued by %q, valid %s to %s",
		invalid.Err, l.host, ca, names(leaf), leaf.Issuer.String(),
		leaf.NotBefore.Format("2006-01-02"), leaf.NotAfter.Format("2006-01-02"))
	e.Hint = "put the certificate of that issuer into ca_file"
	var host x509.HostnameError
	var bad x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		e.Hint = "use one of these names in directory.urls, or have a certificate issued for " + l.host
	case errors.As(err, &bad) && bad.Reason == x509.Expired:
		e.Hint = "renew the domain controller's certificate, or set the clock right"
	}
	return e
}

func names(leaf *x509.Certificate) string {
	all := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	if len(all) == 0 {
		return fmt.Sprintf("no host at all (subject %q)", leaf.Subject.String())
	}
	if more := len(all) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), more)
	}
	return strings.Join(all, ", ")
}
