package ident

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// MarshalJSON writes binary values as base64 text. JSON cannot hold bytes that
// are not UTF-8, but a held operation or a saved plan must keep them.
func (c AttributeChange) MarshalJSON() ([]byte, error) {
	type plain AttributeChange
	if !c.Binary {
		return marshal(plain(c))
	}
	return marshal(struct {
		plain
		Old [][]byte `json:"old"`
		New [][]byte `json:"new"`
	}{plain(c), toBytes(c.Old), toBytes(c.New)})
}

// marshal leaves <, > and & as they are, as the encoder of the surrounding value
// does.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *AttributeChange) UnmarshalJSON(data []byte) error {
	type plain AttributeChange
	var kind struct {
		Binary bool `json:"binary"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return fmt.Errorf("attribute change: %w", err)
	}
	if !kind.Binary {
		return json.Unmarshal(data, (*plain)(c))
	}
	var in struct {
		plain
		Old [][]byte `json:"old"`
		New [][]byte `json:"new"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("attribute change with binary values: %w", err)
	}
	*c = AttributeChange(in.plain)
	c.Old, c.New = toStrings(in.Old), toStrings(in.New)
	return nil
}

func toBytes(values []string) [][]byte {
	if values == nil {
		return nil
	}
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

func toStrings(values [][]byte) []string {
	if values == nil {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// Shown returns the values of the change for people. A binary value is shown by
// its size and the beginning of its SHA-256, such as "(binary, 12,345 bytes, SHA-256
// 1f2e3d4c...)".
func (c AttributeChange) Shown(values []string) []string {
	if !c.Binary {
		return values
	}
	out := make([]string, len(values))
	for i, v := range values {
		sum := sha256.Sum256([]byte(v))
		out[i] = fmt.Sprintf("(binary, %s bytes, SHA-256 %x...)", thousands(len(v)), sum[:4])
	}
	return out
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Brief returns the operation with each binary value replaced by its size and
// SHA-256, so that the history does not grow by a photo with each change. The
// result can no longer be applied.
func (op Operation) Brief() Operation {
	attributes := make([]AttributeChange, len(op.Attributes))
	changed := false
	for i, c := range op.Attributes {
		if c.Binary {
			c.Old, c.New, changed = digests(c.Old), digests(c.New), true
			c.Binary = false
		}
		attributes[i] = c
	}
	if changed {
		op.Attributes = attributes
	}
	return op
}

func digests(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("(binary, %s bytes, SHA-256 %x)", thousands(len(v)), sha256.Sum256([]byte(v)))
	}
	return out
}
