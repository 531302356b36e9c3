package engine

import (
	"bytes"
	"fmt"
	"image/jpeg"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// unfit says why content cannot be the picture of an account; "" when it can. shared is
// the cause without what differs from picture to picture. Only the head of the picture
// is read: it is somebody's upload, and is not decoded here.
func unfit(address mapping.Address, content []byte) (cause, shared, next string) {
	kind := kindOfPicture(content)
	if kind != "" {
		return kind, kind, "use JPEG pictures at the source"
	}
	if _, err := jpeg.DecodeConfig(bytes.NewReader(content)); err != nil {
		return fmt.Sprintf("is a JPEG that cannot be read: %v", err), "is a JPEG that cannot be read", "replace the picture at the source"
	}
	if size := len(content); address.Small && size > ident.MaxPicture {
		rest := fmt.Sprintf("and AD takes at most %d in %s", ident.MaxPicture, address.Attribute)
		return fmt.Sprintf("has %d bytes, %s", size, rest), "has too many bytes, " + rest,
			"use smaller pictures at the source, or fetch them into jpegPhoto"
	}
	return "", "", ""
}

// kindOfPicture says what content is that is no JPEG; "" for one.
func kindOfPicture(content []byte) string {
	for _, k := range []struct{ begins, is string }{
		{"\xff\xd8\xff", ""},
		{"\x89PNG\r\n", "is a PNG, and not a JPEG"},
		{"GIF8", "is a GIF, and not a JPEG"},
		{"RIFF", "is a WebP, and not a JPEG"},
	} {
		if bytes.HasPrefix(content, []byte(k.begins)) {
			return k.is
		}
	}
	switch trimmed := bytes.TrimSpace(content); {
	case len(content) == 0:
		return "is empty"
	case bytes.HasPrefix(trimmed, []byte("<")):
		return "is a web page or an SVG, and not a JPEG"
	}
	return "is no JPEG"
}
