package expr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// partFunctions returns the functions that take a part of a text, or join texts.
func partFunctions() []*function {
	t, n := new(textToText), new(textIntToText)
	return []*function{
		ofTextAndNumber("left(s, n)", "The first n characters; a letter and its accents are one.", `left("Ada", 2) -> "Ad"`, left, n),
		ofTextAndNumber("right(s, n)", "The last n characters.", `right("Ada", 2) -> "da"`, right, n),
		define("mid(s, start, n)", "n characters from position start, which counts from 1.", `mid("Novak", 2, 3) -> "ova"`,
			mid, new(func(string, int, int) string)),
		ofTextAndNumber("cut(s, n)",
			"Cut to n characters as AD counts them, where those beyond U+FFFF are two, and without dots and spaces at the end: cn holds 64.",
			`cut("Dr. Ada", 3) -> "Dr"`, cut, n),
		define("word(s, n)", "Word number n, from 1; from the end when n is negative. Null when there is no such word.",
			`word("Ada Maria Novak", 2) -> "Maria"`, word, n),
		ofText("first_word(s)", "The first word.", `first_word("Ada Maria Novak") -> "Ada"`,
			func(_ *run, s string) string { return firstWord(s) }, t),
		ofText("last_word(s)", "The last word; of a single word, that word.", `last_word("Ada Maria Novak") -> "Novak"`,
			func(_ *run, s string) string { return lastWord(s) }, t),
		define("split(s, separator)", "The parts between separators, as a list.", `split("a,b,c", ",") -> ["a","b","c"]`,
			split, new(func(string, string) []any)),
		define("join(list, separator)",
			"The elements as one text; null and empty ones are left out. Without a separator they follow each other directly.",
			`join(["Ada", null, "Novak"], " ") -> "Ada Novak"`, join, new(func(any, string) string), new(anyToText)),
		define("len(x)", "The number of characters of a text, or of elements of a list.", `len("Łódź") -> 4`, length, new(func(any) int)),
	}
}

// In these functions a character is what a reader sees as one, with its accents:
// see text.First. Half of one would be another letter, or none.

// skip returns the offset of character n, counted from 0; the length of s when
// it has fewer.
func skip(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		at += plaintext.First(s[at:])
	}
	return at
}

func characters(s string) int {
	n := 0
	for at := 0; at < len(s); n++ {
		at += plaintext.First(s[at:])
	}
	return n
}

func left(s string, n int) string { return s[:skip(s, n)] }

func right(s string, n int) string { return s[skip(s, characters(s)-max(n, 0)):] }

func mid(_ *run, args []any) any {
	s, start, n := textArg(args, 0), intArg(args, 1), intArg(args, 2)
	if start < 1 {
		fail("mid: positions count from 1")
	}
	s = s[skip(s, start-1):]
	return s[:skip(s, n)]
}

func cut(s string, n int) string { return strings.TrimRight(plaintext.Cut(s, n), ". ") }

func word(_ *run, args []any) any {
	words := strings.FieldsFunc(textArg(args, 0), unicode.IsSpace)
	words = slices.DeleteFunc(words, plaintext.Blank)
	if i, ok := nth(intArg(args, 1), len(words)); ok {
		return words[i]
	}
	return nil
}

// firstWord returns "" for a text without words: empty stays empty.
func firstWord(s string) string {
	s = plaintext.Trim(s)
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end]
	}
	return s
}

func lastWord(s string) string {
	s = plaintext.Trim(s)
	if space := strings.LastIndexFunc(s, unicode.IsSpace); space >= 0 {
		_, size := utf8.DecodeRuneInString(s[space:])
		return s[space+size:]
	}
	return s
}

// nth converts a position from 1, or from the end when negative, to an index.
func nth(position, n int) (int, bool) {
	if position < 0 {
		position += n + 1
	}
	return position - 1, position >= 1 && position <= n
}

func split(r *run, args []any) any {
	s, separator := textArg(args, 0), textArg(args, 1)
	if separator == "" {
		fail("split: the separator is empty")
	}
	r.spend(16 * (1 + strings.Count(s, separator)))
	parts := strings.Split(s, separator)
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list
}

func join(r *run, args []any) any {
	separator := ""
	if len(args) == 2 {
		separator = textArg(args, 1)
	}
	parts := texts(asList(r, args[0]))
	n := len(separator) * max(0, len(parts)-1)
	for _, p := range parts {
		n += len(p)
	}
	r.spend(n)
	return strings.Join(parts, separator)
}

func length(_ *run, args []any) any {
	switch v := args[0].(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return characters(textArg(args, 0))
}
