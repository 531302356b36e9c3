package convert

import (
	"strings"
)

// piece is literal text or a macro.
type piece struct {
	text  string
	at    int // the offset in the text
	macro *macro
}

// macro is one %...% of a text.
type macro struct {
	text    string // as it stands, with its %
	prefix  string // ad act env fx m365; "" for none
	name    string
	called  bool     // it has parentheses
	args    string   // what stands between them
	choices []string // what follows the name after colons: %FirstName:first word:lower%
	fault   string   // why it cannot be understood
}

// mostMacro bounds what is taken for one macro without arguments, so that two
// distant percent signs are not.
const mostMacro = 200

// parse splits a text into literal text and macros. A % that begins no macro is
// text: 100%, and %20 of a URL.
func parse(s string) []piece {
	var out []piece
	from := 0
	for i := 0; i < len(s); {
		if s[i] != '%' {
			i++
			continue
		}
		m, n := begin(s[i:])
		if m == nil {
			i++
			continue
		}
		if i > from {
			out = append(out, piece{text: s[from:i], at: from})
		}
		m.text = s[i : i+n]
		out = append(out, piece{macro: m, at: i})
		i += n
		from = i
	}
	if from < len(s) {
		out = append(out, piece{text: s[from:], at: from})
	}
	return out
}

// begin reads the macro at the start of s, and returns its length; nil when none
// begins there.
func begin(s string) (*macro, int) {
	n := 1
	for n < len(s) && (isLetter(s[n]) || n > 1 && isNamePart(s[n])) {
		n++
	}
	if n == 1 || n == len(s) {
		return nil, 0
	}
	m := &macro{name: s[1:n]}
	if prefix, name, ok := strings.Cut(m.name, "."); ok {
		m.prefix, m.name = prefix, name
	}
	switch {
	case s[n] == '(':
		return called(m, s, n)
	case s[n] == '%' && !percentEncoded(s[1:n]):
		return m, n + 1
	case s[n] == ':', m.prefix == "act" && strings.HasPrefix(m.name, "timestamp"):
		return open(m, s, n)
	}
	return nil, 0
}

// called reads the arguments of a function up to its )%.
func called(m *macro, s string, n int) (*macro, int) {
	m.called = true
	depth := 0
	for i := n + 1; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "#%"):
			depth++
			i++
		case depth > 0 && strings.HasPrefix(s[i:], "%#"):
			depth--
			i++
		case depth == 0 && strings.HasPrefix(s[i:], ")%"):
			m.args = s[n+1 : i]
			return m, i + 2
		}
	}
	m.fault = "it has no end: a function ends with )%, and each nested #% with %#"
	return m, len(s)
}

// open reads what follows a name up to the next %.
func open(m *macro, s string, n int) (*macro, int) {
	end := strings.IndexAny(s[n:], "%\n")
	if end < 0 || s[n+end] != '%' || end > mostMacro {
		return nil, 0
	}
	rest := s[n : n+end]
	if m.prefix == "act" {
		m.name += rest
	} else {
		m.choices = strings.Split(rest[1:], ":")
	}
	return m, n + end + 1
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isNamePart(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// percentEncoded reports whether the text between two % is that of a URL: %C3%A9.
func percentEncoded(s string) bool {
	digit := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return len(s) == 2 && digit
}

// inner returns the pieces of all arguments.
func (m *macro) inner() []piece { return nested(m.args) }

// nested splits an argument into text and the macros in #...#.
func nested(s string) []piece {
	var out []piece
	from := 0
	for i := 0; i < len(s); {
		end := -1
		if strings.HasPrefix(s[i:], "#%") {
			end = endOfNested(s[i:])
		}
		if end < 0 {
			i++
			continue
		}
		if i > from {
			out = append(out, piece{text: s[from:i], at: from})
		}
		inside := parse(s[i+1 : i+end-1])
		for _, p := range inside {
			p.at += i + 1
			out = append(out, p)
		}
		i += end
		from = i
	}
	if from < len(s) {
		out = append(out, piece{text: s[from:], at: from})
	}
	return out
}

// endOfNested returns the length of the #%...%# at the start of s; -1 when it has
// no end.
func endOfNested(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "#%"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "%#"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// arguments splits the arguments of a function by the names of its parameters. A
// value may contain commas and colons; a single parameter needs no name.
func (m *macro) arguments(params ...string) map[string]string {
	out := map[string]string{}
	name, from, depth := "", 0, 0
	for i := 0; i < len(m.args); i++ {
		switch {
		case strings.HasPrefix(m.args[i:], "#%"):
			depth++
		case strings.HasPrefix(m.args[i:], "%#"):
			depth--
		}
		if depth > 0 || i > 0 && m.args[i-1] != ',' {
			continue
		}
		for _, p := range params {
			if _, known := out[p]; known || p == name || !strings.HasPrefix(strings.TrimLeft(m.args[i:], " "), p+":") {
				continue
			}
			if name != "" {
				out[name] = m.args[from : i-1]
			}
			name = p
			from = i + strings.Index(m.args[i:], p+":") + len(p) + 1
			break
		}
	}
	if name != "" {
		out[name] = m.args[from:]
	} else if len(params) == 1 {
		out[params[0]] = m.args
	}
	return out
}
