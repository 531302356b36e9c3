package abi1

import (
	"bytes"
	"errors"
	"strings"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

// blame adds to a parse error what the body looks like, if it never was JSON.
// It does not quote the body, which may hold personal data.
func (r *response) blame(err error) string {
	text := err.Error()
	if !errors.Is(err, jsonstream.ErrSyntax) {
		return text
	}
	var head [64]byte
	n, _ := r.Body.ReadAt(head[:], 0)
	if bytes.HasPrefix(bytes.TrimSpace(head[:n]), []byte("<")) {
		return text + " (the answer is a page of HTML or XML)"
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "" && !strings.Contains(kind, "json") {
		return text + " (the answer says that it is " + kind + ")"
	}
	return text
}
