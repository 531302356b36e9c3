package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Name returns one spelling for all names of which a directory may hold only
// one: those that the stricter of Windows and Samba takes for the same. It says
// whether a name is taken, never whether two people are the same: Muller must
// not get the account of Müller.
//
// Windows compares without case, accents, width and kind of kana (MS-ADTS
// section 6.5: NORM_IGNORECASE, NORM_IGNORENONSPACE, NORM_IGNOREWIDTH and
// NORM_IGNOREKANATYPE). So Muller collides with Müller, Meissner with Meißner
// (support.microsoft.com, KB 938447), ø with o (serverfault.com 661857), and a
// circled kana with a plain one and U+FF20 with @ (bugzilla.samba.org 14847).
// Its sort tables are not Unicode's decompositions, but these come close. Samba
// folds case, ς to Σ included, and takes two blanks for one.
func Name(s string) string {
	if plain(s) && isASCII(s) {
		return Lower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch expanded, ok := expansions[r]; {
		case ok:
			b.WriteString(expanded)
		case unicode.Is(unicode.Mn, r):
		case 0x3041 <= r && r <= 0x3096, r == 0x309d, r == 0x309e:
			b.WriteRune(r + 0x60) // hiragana becomes katakana
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	if name := Seen(b.String()); name != "" {
		return name
	}
	return Lower(Seen(s)) // accents without a letter
}

// SameName reports whether a directory may hold only one of the two names.
func SameName(a, b string) bool { return a == b || Name(a) == Name(b) }

// expansions maps letters that Windows takes for one or two others and that
// Unicode does not decompose. Windows compares æ as ae and œ as oe everywhere
// (stackoverflow.com 50181535).
var expansions = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'ς': "σ",
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}
