// Package secrets reads secrets from where the configuration says they are, and
// stores those that are entrusted to the agent encrypted.
//
// A secret in the configuration is a reference: "@{env:NAME}", "@{file:/path}",
// "@{cred:name}" or "@{store:name}". Parse reads one, a Resolver fetches the
// secret that it points to, and a Keeper is the encrypted store behind
// "@{store:...}". The result is a Secret, which no log line, error or printed
// value shows.
//
// The package does not protect against root, nor against anybody who can read
// the agent's memory. None of its errors contains a secret or a part of one.
package secrets

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is printed in place of a secret.
const hidden = "[secret]"

// Secret is a text that must not be shown. Its zero value is the empty secret.
type Secret struct {
	// The text is behind a pointer, because package fmt prints unexported fields
	// of an outer struct without calling their methods: then it prints an
	// address.
	text *string
}

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)

// New returns text as a Secret.
func New(text string) Secret { return Secret{text: &text} }

// Reveal returns the text itself. Call it where the secret is used, not before.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsEmpty reports whether the text is empty.
func (s Secret) IsEmpty() bool { return s.text == nil || *s.text == "" }

// String returns "[secret]".
func (s Secret) String() string { return hidden }

// GoString returns "[secret]".
func (s Secret) GoString() string { return hidden }

// Format prints "[secret]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText returns "[secret]", for JSON, TOML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
