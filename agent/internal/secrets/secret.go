// Package secrets reads secrets from where the configuration says they are,
// and keeps those that are entrusted to the agent encrypted.
//
// A secret in the configuration is a reference: "@{env:NAME}",
// "@{file:/path}", "@{cred:name}" or "@{store:name}". Parse reads one, a
// Resolver fetches what it refers to, and a Keeper is the encrypted store
// behind "@{store:...}". What comes out is a Secret, which no log line, error
// or printed value shows.
//
// It is not a protection against root or against who can read the agent's
// memory, and no error of this package contains a secret or a piece of one.
package secrets

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a secret looks like wherever it is printed.
const hidden = "[secret]"

// Secret is a text that must not be shown. Its zero value is the empty secret.
type Secret struct {
	// A pointer, because package fmt prints unexported fields of an outer
	// struct without asking their methods: it finds an address then.
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

// IsEmpty tells whether there is no text at all.
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
