// Package credential holds what packages oauth and session share for fetching
// credentials: the HTTP client for token URLs and logins, the error for a token
// that cannot be obtained, the pause after a refusal, and the list of values
// that must not be shown. It implements no protocol itself.
package credential

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Error reports that a token cannot be obtained.
type Error struct {
	Text      string // for the operator, with the next step and without secrets
	Transient bool   // the credentials may be right: trying later may help
	Here      bool   // the fault is on this machine: no server was asked, or its answer could not be stored
	Err       error  // the cause; may be nil
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Local reports whether the fault is on this machine, such as a secret that
// cannot be read or a store that fails. Text then contains the next step.
func (e *Error) Local() bool {
	var cause interface{ Local() bool }
	return e.Here || errors.As(e.Err, &cause) && cause.Local()
}

// Temporary reports whether the token server or the connection to it failed, not
// the credentials.
func (e *Error) Temporary() bool { return e.Transient }

// Refusals remembers that credentials were refused, so that repeated tries do
// not lock the account. It is not safe for concurrent use.
type Refusals struct {
	Pause time.Duration
	until time.Time
	what  string // the credentials that were refused
	err   *Error
}

// Check returns the last refusal while its pause lasts and the credentials are
// the same.
func (r *Refusals) Check(now time.Time, credentials string) error {
	if r.err == nil || r.what != credentials || !now.Before(r.until) {
		return nil
	}
	return &Error{
		Text: r.err.Text + " (not asked again before " + r.until.UTC().Format(time.RFC3339) + ", unless the credentials change)",
		Err:  r.err.Err,
	}
}

// Note remembers err when it is a refusal.
func (r *Refusals) Note(now time.Time, credentials string, err *Error) {
	if err != nil && !err.Transient {
		r.until, r.what, r.err = now.Add(r.Pause), credentials, err
	}
}

// recent is how many values Hidden keeps. A request with a token that has since
// been replaced may still be under way, and its answer may show that token.
const recent = 32

// Hidden lists the values that must not be shown: those that were last in use.
// It is safe for concurrent use, and its zero value is empty.
type Hidden struct {
	mu   sync.Mutex
	list []string
}

// Add puts values on the list.
func (h *Hidden) Add(values ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range values {
		if v == "" {
			continue
		}
		if i := slices.Index(h.list, v); i >= 0 {
			h.list = slices.Delete(h.list, i, i+1)
		}
		h.list = append(h.list, v)
	}
	h.list = slices.Delete(h.list, 0, max(len(h.list)-recent, 0))
}

// AddPair puts a secret on the list, both as it is and as basic authentication
// sends it with the user name.
func (h *Hidden) AddPair(user, secret string) {
	if secret != "" {
		h.Add(secret, base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	}
}

// List returns the values, the longest first, because one may be a part of
// another.
func (h *Hidden) List() []string {
	h.mu.Lock()
	list := slices.Clone(h.list)
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// Clean replaces the values in a text from a server, and makes it short and one
// line. It cuts between words: the host redacts secrets in other encodings
// later, but could not recognise half of one.
func (h *Hidden) Clean(text string) string {
	for _, v := range h.List() {
		text = strings.ReplaceAll(text, v, "[secret]")
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F }), " ")
	if len(text) > maxWords {
		text = text[:strings.LastIndexByte(text[:maxWords+1], ' ')+1] + "..."
	}
	return text
}

const maxWords = 300 // the most bytes of a server's own words in an error
