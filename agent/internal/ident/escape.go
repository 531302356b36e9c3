package ident

import "strings"

// EscapeValue escapes a value for a DN (RFC 4514 section 2.4), so that a domain
// controller reads it back unchanged, as a whole value (CN=VALUE) or as a part
// of one (CN=Team VALUE).
//
// It also escapes the equals sign: the RFC does not require that, but Samba
// does. Control characters are written as hexadecimal digits.
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
