// Package credential holds what the kinds of credentials that are fetched have
// in common: the HTTP client for token URLs and logins, the error of a token
// that cannot be had, the pause after a refusal, and the list of what must not
// be shown. It knows no protocol; packages oauth and session do.
package credential

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Error is a token that cannot be had.
type Error struct {
	Text      string // for the operator, with the next step and without secrets
	Transient bool   // it says nothing about the credentials: trying later may help
	Here      bool   // the fault is on this machine: nobody was asked, or the answer could not be kept
	Err       error  // the cause; may be nil
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Local reports whether the fault is on this machine: a secret that cannot be
// read, or a store. Text then has the next step.
func (e *Error) Local() bool {
	var cause interface{ Local() bool }
	return e.Here || errors.As(e.Err, &cause) && cause.Local()
}

// Temporary reports whether it is the token server or the way to it that
// failed, not the credentials.
func (e *Error) Temporary() bool { return e.Transient }

// Refusals remembers that credentials were refused, so that a client that asks
// again and again does not get the account locked. It is not safe for
// concurrent use.
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

// Note keeps an error that is a refusal.
func (r *Refusals) Note(now time.Time, credentials string, err *Error) {
	if err != nil && !err.Transient {
		r.until, r.what, r.err = now.Add(r.Pause), credentials, err
	}
}

// recent is how many values Hidden keeps. A request may be under way with a
// token that was replaced meanwhile, and its answer may show it.
const recent = 32

// Hidden lists what must not be shown: the last values that were in use. It is
// safe for concurrent use, and its zero value is empty.
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

// AddPair puts a secret on the list, as it is and as basic authentication
// sends it with its user name.
func (h *Hidden) AddPair(user, secret string) {
	if secret != "" {
		h.Add(secret, base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	}
}

// List returns the values, the longest first: one may be a part of another.
func (h *Hidden) List() []string {
	h.mu.Lock()
	list := slices.Clone(h.list)
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// Clean replaces the values in a text that a server wrote, and keeps it short
// and on one line. It is cut between words: what is left of a secret in another
// form, which the host would find, would be found by nobody.
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

const maxWords = 300 // bytes of a server's own words in an error
