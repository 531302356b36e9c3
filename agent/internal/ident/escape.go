package ident

import "strings"

// EscapeValue writes a value into a DN (RFC 4514 section 2.4), so that a
// domain controller reads it back as it is, wherever it stands: CN=VALUE, or
// CN=Team VALUE.
//
// Samba wants an equals sign escaped, which the RFC leaves free. Control
// characters are written as hexadecimal digits.
func EscapeValue(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.IndexByte(`,+"\<>;=`, c) >= 0, c == '#' && i == 0, c == ' ' && (i == 0 || i == len(s)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7F:
			b.WriteByte('\\')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
