package ident

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// GUIDFromBytes reads the 16 bytes of an objectGUID: three little-endian
// numbers and eight bytes as they are (MS-DTYP section 2.3.4.2).
func GUIDFromBytes(b []byte) (GUID, error) {
	if len(b) != 16 {
		return "", fmt.Errorf("read GUID: %d bytes, want 16", len(b))
	}
	return GUID(fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b),
		binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:])), nil
}

// Bytes returns g as objectGUID holds it, the reverse of GUIDFromBytes.
func (g GUID) Bytes() ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(string(g), "-", ""))
	if err != nil || len(b) != 16 || len(g) != 36 {
		return nil, fmt.Errorf("GUID %q: not in the form 01234567-89ab-cdef-0123-456789abcdef", string(g))
	}
	for _, part := range [][]byte{b[0:4], b[4:6], b[6:8]} {
		for i, j := 0, len(part)-1; i < j; i, j = i+1, j-1 {
			part[i], part[j] = part[j], part[i]
		}
	}
	return b, nil
}
