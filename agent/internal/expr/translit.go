package expr

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// table holds the spellings of one language's letters, all in lower case.
type table map[rune]string

// of finds the spelling of r, in any case.
func (t table) of(r rune) (spelling string, upper, ok bool) {
	if s, ok := t[r]; ok {
		return s, false, true
	}
	s, ok := t[unicode.ToLower(r)]
	return s, true, ok
}

// cased gives a spelling the case of the letter. All of it is in upper case when
// the letters around it are too.
func cased(spelling string, upper bool, runes []rune, i int) string {
	if !upper || spelling == "" {
		return spelling
	}
	next := i+1 < len(runes) && unicode.IsLetter(runes[i+1])
	if next && unicode.IsUpper(runes[i+1]) || !next && i > 0 && unicode.IsUpper(runes[i-1]) {
		return strings.ToUpper(spelling)
	}
	return strings.ToUpper(spelling[:1]) + spelling[1:]
}

// languages holds, by ISO 639 code, the spellings that differ from the general
// ones. German, Danish, Norwegian, Swedish and Finnish follow passports (ICAO
// 9303). Russian, Ukrainian and Greek are close to that.
var languages = map[string]table{
	"de": {'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss"},
	"da": nordic, "no": nordic, "nb": nordic, "sv": nordic, "fi": nordic,
	"ru": {
		'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'е': "e", 'ё': "e", 'ж': "zh", 'з': "z", 'и': "i", 'й': "i",
		'к': "k", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ф': "f",
		'х': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh", 'щ': "shch", 'ъ': "ie", 'ы': "y", 'ь': "", 'э': "e", 'ю': "iu", 'я': "ia",
	},
	"uk": {
		'а': "a", 'б': "b", 'в': "v", 'г': "h", 'ґ': "g", 'д': "d", 'е': "e", 'є': "ie", 'ж': "zh", 'з': "z", 'и': "y",
		'і': "i", 'ї': "i", 'й': "i", 'к': "k", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s",
		'т': "t", 'у': "u", 'ф': "f", 'х': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh", 'щ': "shch", 'ь': "", 'ю': "iu", 'я': "ia",
		'\'': "", '’': "", 'ʼ': "",
	},
	"el": {
		'α': "a", 'ά': "a", 'β': "v", 'γ': "g", 'δ': "d", 'ε': "e", 'έ': "e", 'ζ': "z", 'η': "i", 'ή': "i", 'θ': "th",
		'ι': "i", 'ί': "i", 'ϊ': "i", 'ΐ': "i", 'κ': "k", 'λ': "l", 'μ': "m", 'ν': "n", 'ξ': "x", 'ο': "o", 'ό': "o",
		'π': "p", 'ρ': "r", 'σ': "s", 'ς': "s", 'τ': "t", 'υ': "y", 'ύ': "y", 'ϋ': "y", 'ΰ': "y", 'φ': "f", 'χ': "ch",
		'ψ': "ps", 'ω': "o", 'ώ': "o",
	},
}

var nordic = table{'å': "aa", 'ä': "ae", 'æ': "ae", 'ö': "oe", 'ø': "oe"}

// WithoutASCII returns the letters of s that ascii() drops because they have no
// form in ASCII.
func WithoutASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) || len(appendFolded(nil, r)) > 0 {
			return -1
		}
		return r
	}, norm.NFC.String(s))
}

// LanguagesOf returns the languages of translit() that know every letter of s,
// in the order of their names.
func LanguagesOf(s string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(languages)) {
		knows := func(r rune) bool { _, _, ok := languages[name].of(r); return ok }
		if !strings.ContainsFunc(s, func(r rune) bool { return !knows(r) }) {
			out = append(out, name)
		}
	}
	return out
}

func translitFunction() *function {
	f := define("translit(s, language)",
		"In ASCII by the habits of a language: de da no nb sv fi ru uk el. What the language does not say is folded as by ascii.",
		`translit("Jürgen Größe", "de") -> "Juergen Groesse"`, func(r *run, args []any) any {
			language := textArg(args, 1)
			if languages[language] == nil {
				fail("unknown language %s", language)
			}
			s := translit(language, textArg(args, 0))
			r.spend(len(s))
			return s
		}, new(func(string, string) string))
	f.literal = func(_ *library, i int, s string) (string, string) {
		if i == 1 && languages[s] == nil {
			return "unknown language " + s, "one of de da no nb sv fi ru uk el"
		}
		return "", ""
	}
	return f
}
