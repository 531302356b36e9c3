package expr

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
)

// These limits bound what one regular expression costs. RE2 looks at each character
// once for each of its instructions, and again for each match that it gave up for
// another one.
const (
	maxPattern = 500 // instructions
	maxGroups  = 50
)

// pattern is a compiled regular expression.
type pattern struct {
	*regexp.Regexp
	size int  // about how many instructions it has
	once bool // each character is looked at once, however many matches there are
}

// compilePattern compiles a regular expression, after it has made sure that its
// instructions take little memory: (\pL{1000}){1000} is short to write.
func compilePattern(text string) (*pattern, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	size := sizeOf(tree)
	if size > maxPattern {
		return nil, fmt.Errorf("the pattern is too large: it repeats too much")
	}
	if tree.MaxCap() > maxGroups {
		return nil, fmt.Errorf("the pattern has %d groups, more than %d", tree.MaxCap(), maxGroups)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	return &pattern{re, size, looksOnce(tree.Simplify())}, nil
}

// sizeOf returns about how many instructions an expression compiles to.
func sizeOf(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n = 1 + len(re.Rune)/64
	}
	for _, sub := range re.Sub {
		n = min(n+sizeOf(sub), maxPattern+1)
	}
	if re.Op == syntax.OpRepeat {
		n = min(n*max(re.Min, re.Max, 1), maxPattern+1)
	}
	return n
}

// looksOnce reports whether no search for a match looks much further than the match:
// nothing is repeated without end, or all of it is one character repeated.
func looksOnce(re *syntax.Regexp) bool {
	if re.Op == syntax.OpStar || re.Op == syntax.OpPlus {
		sub := re.Sub[0]
		return sub.Op == syntax.OpCharClass || sub.Op == syntax.OpLiteral && len(sub.Rune) == 1
	}
	return !endless(re)
}

func endless(re *syntax.Regexp) bool {
	if re.Op == syntax.OpStar || re.Op == syntax.OpPlus {
		return true
	}
	for _, sub := range re.Sub {
		if endless(sub) {
			return true
		}
	}
	return false
}

// cost is what one search in a text counts.
func (p *pattern) cost(s string) int { return len(s) * (4 + p.size) / 4 }

// matches reports whether the pattern is found in a text.
func (p *pattern) matches(r *run, s string) bool {
	r.examine(p.cost(s))
	return p.MatchString(s)
}

// replace is like ReplaceAllString, but ends before it takes long or its result gets
// too long.
func (p *pattern) replace(r *run, s, to string) string {
	r.examine(p.cost(s))
	most := min(maxSteps-r.steps, maxMemory/(16*(1+p.NumSubexp())))
	if cost := p.cost(s); !p.once && cost > 0 {
		if most = min(most, (maxWork-r.work)/cost); most == 0 {
			tooMuch()
		}
	}
	found := p.FindAllStringSubmatchIndex(s, max(0, most)+1)
	if len(found) > most {
		fail("the pattern matches more than %d times in a text of %d bytes", most, len(s))
	}
	if !p.once {
		r.examine(len(found) * p.cost(s))
	}
	var out []byte
	last := 0
	for _, m := range found {
		r.step()
		if n := len(out) + len(to) + strings.Count(to, "$")*(m[1]-m[0]); n > MaxText {
			fail("the result would be longer than %d bytes", MaxText)
		}
		out = append(out, s[last:m[0]]...)
		out = p.ExpandString(out, to, s, m)
		last = m[1]
	}
	out = append(out, s[last:]...)
	r.spend(len(out))
	return string(out)
}

// patternOf compiles a pattern that is a value.
func patternOf(r *run, text string) *pattern {
	p, err := compilePattern(text)
	if err != nil {
		fail("%s", err)
	}
	r.examine(patternBytes * p.size)
	return p
}

// patternBytes is about what an instruction of a pattern takes in memory.
const patternBytes = 64

// examine counts n bytes of text that the evaluation looks at.
func (r *run) examine(n int) {
	if n < 0 || n > math.MaxInt-r.work || r.work+n > maxWork {
		tooMuch()
	}
	r.work += n
}

func tooMuch() { fail("the expression looks at more than %d MiB of text", maxWork>>20) }

// examineTexts counts the texts among values.
func (r *run) examineTexts(values ...any) {
	for _, v := range values {
		if s, ok := v.(string); ok {
			r.examine(len(s))
		}
	}
}

// examineValue counts the texts in a value, and the elements of lists and objects.
func (r *run) examineValue(v any) {
	switch v := v.(type) {
	case string:
		r.examine(len(v))
	case []any:
		r.examine(16 * len(v))
		for _, e := range v {
			r.examineValue(e)
		}
	case map[string]any:
		r.examine(48 * len(v))
		for _, e := range v {
			r.examineValue(e)
		}
	}
}
