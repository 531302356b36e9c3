package ident

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// MaxPicture is rangeUpper of thumbnailPhoto in AD's schema (MS-ADA3, attribute
// thumbnailPhoto), in bytes.
const MaxPicture = 102400

// Attachment is what became of the address in an attribute with attach. At most one
// of Content, Problem and Waits is set; with none of them nothing has changed there.
type Attachment struct {
	Content []byte `json:"content,omitempty"`
	// Problem says why there is nothing to write. It concerns this record only.
	// Shared is the problem without what differs from record to record.
	Problem string `json:"problem,omitempty"`
	Shared  string `json:"shared,omitempty"`
	Next    string `json:"next,omitempty"`
	Waits   bool   `json:"waits,omitempty"` // a later run asks for it
}

// Seen is what was last fetched from the address in an attribute.
type Seen struct {
	URL      string
	ETag     string // as the server sent them; "" when it did not
	Modified string
	Digest   string // of the content, by ContentDigest; "" when there was a problem
	Attachment
	At time.Time // when the server was last asked
}

// Fetched is an answer to a request for an address.
type Fetched struct {
	Same           bool // it is what was seen before; there is no Content
	Content        []byte
	ETag, Modified string
}

// ContentDigest identifies the content of an attachment.
func ContentDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
