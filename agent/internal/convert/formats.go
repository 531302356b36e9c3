package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// most is the largest number of characters, words or digits that a choice may have.
const most = 64

// choice is what ADManager's dialog of naming formats offers: how much is taken of an
// attribute, and how it is written. %s is the expression, %d the number.
type choice struct {
	words  []string // in lower case, without spaces, hyphens and underscores
	counts bool     // a number belongs to it
	write  string
}

var choices = []choice{
	{words: []string{"all", "givencase", "asis"}, write: "%s"},
	{words: []string{"firstword"}, write: "first_word(%s)"},
	{words: []string{"lastword"}, write: "last_word(%s)"},
	{words: []string{"word", "nthword"}, counts: true, write: "word(%s, %d)"},
	{words: []string{"first"}, counts: true, write: "left(%s, %d)"},
	{words: []string{"last"}, counts: true, write: "right(%s, %d)"},
	{words: []string{"nth", "character"}, counts: true, write: "mid(%s, %d, 1)"},
	{words: []string{"limit"}, counts: true, write: "left(%s, %d)"},
	{words: []string{"lower", "lowercase"}, write: "lower(%s)"},
	{words: []string{"upper", "uppercase"}, write: "upper(%s)"},
	{words: []string{"initcaps", "title"}, write: "title(%s)"},
	{words: []string{"removeaccents", "removeumlauts"}, write: "ascii(%s)"},
	{words: []string{"removespaces"}, write: "strip_spaces(%s)"},
	{words: []string{everyWord}, write: "%s"},
}

// everyWord applies the choice after it to each word.
const everyWord = "everyword"

// find returns the choice of that name.
func find(word string) (choice, bool) {
	for _, c := range choices {
		for _, w := range c.words {
			if w == word {
				return c, true
			}
		}
	}
	return choice{}, false
}

func isChoice(name string) bool {
	_, ok := find(folded(name))
	return ok
}

func folded(s string) string {
	return text.Lower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(s))
}

// choose applies the choices of a macro to e, in their order.
func (c *converter) choose(m *macro, e string) (result, *Without) {
	each := false
	for i := 0; i < len(m.choices); i++ {
		word, n, used, ok := counted(m.choices[i:])
		one, known := find(word)
		switch {
		case !known:
			return without(m, fmt.Sprintf("%q is nothing that can be taken of an attribute", strings.TrimSpace(m.choices[i])),
				"it can be: first word, last word, every word, word:N, first:N, last:N, nth:N, limit:N, lower, upper, init caps, "+
					"remove accents, remove spaces")
		case one.counts && (!ok || n < 1 || n > most):
			return without(m, fmt.Sprintf("%s needs a number from 1 to %d", strings.TrimSpace(m.choices[i]), most), "%givenName:first:3%")
		case !one.counts && ok:
			return without(m, strings.TrimSpace(m.choices[i])+" takes no number", "")
		}
		i += used - 1
		switch {
		case word == everyWord:
			each = true
			continue
		case word == "removeaccents" || word == "removeumlauts":
			c.note("ascii() writes ä as a and ß as ss; translit(s, 'de') writes ä as ae.")
		}
		if each {
			e = fmt.Sprintf("join(map(split(trim(%s), ' '), %s), '')", e, one.written("#", n))
			each = false
			continue
		}
		e = one.written(e, n)
	}
	if each {
		return without(m, "every word needs to be followed by what is taken of each", "%givenName:every word:first:1%")
	}
	return result{text: e}, nil
}

func (c choice) written(e string, n int) string {
	out := strings.Replace(c.write, "%d", strconv.Itoa(n), 1)
	return strings.Replace(out, "%s", e, 1)
}

// counted reads a choice with its number, which stands behind it or is the next
// element: "first 3", or "first" and "3". used is how many elements it takes.
func counted(list []string) (word string, n, used int, ok bool) {
	word = folded(list[0])
	if short := strings.TrimRight(word, "0123456789"); short != word && short != "" {
		n, err := strconv.Atoi(word[len(short):])
		return short, n, 1, err == nil
	}
	if len(list) > 1 {
		if n, err := strconv.Atoi(strings.TrimSpace(list[1])); err == nil {
			return word, n, 2, true
		}
	}
	return word, 0, 1, false
}

// random turns the random number of a naming format into its function.
func (c *converter) random(m *macro) (result, *Without) {
	if len(m.choices) == 1 {
		if n, err := strconv.Atoi(strings.TrimSpace(m.choices[0])); err == nil && n >= 1 && n <= most {
			c.note("Each evaluation gives other digits: use it with apply = \"create\".")
			return result{text: fmt.Sprintf("random_digits(%d)", n)}, nil
		}
	}
	return without(m, fmt.Sprintf("it needs the number of its digits, from 1 to %d", most), "%RandomNumber:3%")
}
