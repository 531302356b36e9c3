package expr

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldASCII returns s in ASCII. It uses a table for the letters of Europe,
// because decomposition alone does not cover them (it leaves o with stroke, l
// with stroke, sharp s, ...), and compatibility decomposition (NFKD) for the
// rest. It drops what then still has no ASCII form.
func foldASCII(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	if i == len(s) {
		return s
	}
	out := make([]byte, i, len(s)+8)
	copy(out, s)
	for _, r := range s[i:] {
		out = appendFolded(out, r)
	}
	return string(out)
}

func appendFolded(out []byte, r rune) []byte {
	switch {
	case r < utf8.RuneSelf:
		return append(out, byte(r))
	case r >= firstFolded && int(r-firstFolded) < len(folded):
		return append(out, folded[r-firstFolded]...)
	}
	if s, ok := foldedOthers[r]; ok {
		return append(out, s...)
	}
	var buf [utf8.UTFMax]byte
	n := utf8.EncodeRune(buf[:], r)
	for _, b := range []byte(string(norm.NFKD.Bytes(buf[:n]))) {
		if b < utf8.RuneSelf {
			out = append(out, b)
		}
	}
	return out
}

// firstFolded is the character of the first entry in folded.
const firstFolded = 0xC0

// folded holds Latin-1 letters and Latin Extended-A, U+00C0 to U+017F.
var folded = [...]string{
	"A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", // U+00C0
	"D", "N", "O", "O", "O", "O", "O", "x", "O", "U", "U", "U", "U", "Y", "Th", "ss", // U+00D0
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", // U+00E0
	"d", "n", "o", "o", "o", "o", "o", "/", "o", "u", "u", "u", "u", "y", "th", "y", // U+00F0
	"A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", // U+0100
	"D", "d", "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g", // U+0110
	"G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i", // U+0120
	"I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l", "L", // U+0130
	"l", "L", "l", "N", "n", "N", "n", "N", "n", "'n", "Ng", "ng", "O", "o", "O", "o", // U+0140
	"O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s", "S", "s", // U+0150
	"S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u", // U+0160
	"U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s", // U+0170
}

// foldedOthers holds letters outside of that range that do not decompose.
var foldedOthers = map[rune]string{
	'\u00a0': " ", '«': "\"", '»': "\"", '¡': "!", '¿': "?",
	'Ɓ': "B", 'ƀ': "b", 'ɓ': "b", 'Ƈ': "C", 'ƈ': "c", 'Ɖ': "D", 'ɖ': "d", 'Ɗ': "D", 'ɗ': "d",
	'Ǝ': "E", 'ǝ': "e", 'Ə': "E", 'ə': "e", 'Ɛ': "E", 'ɛ': "e", 'Ƒ': "F", 'ƒ': "f", 'Ɠ': "G", 'ɠ': "g",
	'Ɨ': "I", 'ɨ': "i", 'Ƙ': "K", 'ƙ': "k", 'ƚ': "l", 'Ɲ': "N", 'ɲ': "n", 'ƞ': "n", 'Ɔ': "O", 'ɔ': "o",
	'Ƥ': "P", 'ƥ': "p", 'Ƭ': "T", 'ƭ': "t", 'Ʈ': "T", 'ʈ': "t", 'Ʋ': "V", 'ʋ': "v", 'Ƴ': "Y", 'ƴ': "y",
	'Ƶ': "Z", 'ƶ': "z", 'Ǥ': "G", 'ǥ': "g", 'Ǽ': "AE", 'ǽ': "ae", 'Ǿ': "O", 'ǿ': "o", 'ȷ': "j", 'ẞ': "SS",
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '⁄': "/",
	'‘': "'", '’': "'", '‚': "'", '‛': "'", 'ʹ': "'", 'ʻ': "'", 'ʼ': "'", 'ʾ': "'", 'ʿ': "'", '′': "'",
	'“': "\"", '”': "\"", '„': "\"", '‟': "\"", '″': "\"",
}

// translit turns s into ASCII, with the spellings of a language before the
// general ones.
func translit(language, s string) string {
	table := languages[language]
	runes := []rune(norm.NFC.String(s))
	var b strings.Builder
	for i, r := range runes {
		t, upper, ok := table.of(r)
		if !ok {
			b.Write(appendFolded(nil, r))
			continue
		}
		b.WriteString(cased(t, upper, runes, i))
	}
	return b.String()
}
