package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// page is the destination of text for people: a terminal of some width, or
// something else such as a file or a pipe. Without a terminal, lines are not
// broken, so that scripts find whole lines, and there are neither marks nor
// colours.
type page struct {
	io.Writer
	terminal bool
	width    int  // of the lines, in cells; 0 means unlimited
	colours  bool // never set without a terminal
}

// pageOf returns w if it is a page, or else a new page without a terminal.
func pageOf(w io.Writer) *page {
	if p, ok := w.(*page); ok {
		return p
	}
	return &page{Writer: w}
}

// narrowest is the smallest width that lines are broken to.
const narrowest = 40

// openPage finds out what kind of destination w is. The environment may forbid
// colours: no-color.org, and TERM=dumb.
func openPage(w io.Writer) *page {
	file := w
	if s, ok := w.(*status); ok { // which still handles its last line separately
		file = s.to
	}
	f, ok := file.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return pageOf(w)
	}
	p := &page{Writer: w, terminal: true, width: 80}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		p.width = max(width, narrowest)
	}
	p.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && takesColours(f)
	return p
}

// style is how a piece of text is emphasised: the number of an SGR sequence,
// or nothing.
type style string

const (
	plainText style = ""
	bold      style = "1"
	red       style = "31"
	green     style = "32"
	yellow    style = "33"
)

// paint applies a style to text, on a page with colours.
func (p *page) paint(s style, text string) string {
	if !p.colours || s == plainText || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// cells returns how many columns of a terminal a text takes.
func cells(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// put writes a paragraph. lead stands before the text; further lines are
// indented to the beginning of the text. Both are made printable.
func (p *page) put(lead, text string) { p.putStyled(plainText, lead, plainText, text) }

// putStyled is put with a style for the lead and one for the text.
func (p *page) putStyled(leading style, lead string, body style, text string) {
	lead, text = printable(lead), printable(text)
	var b strings.Builder
	b.WriteString(p.paint(leading, lead))
	for i, line := range p.broken(text, cells(lead)) {
		if i > 0 {
			b.WriteString("\n" + strings.Repeat(" ", cells(lead)))
		}
		b.WriteString(p.paint(body, line))
	}
	b.WriteByte('\n')
	_, _ = io.WriteString(p, b.String())
}

// lines is like putStyled, for a text of several lines, each broken
// separately.
func (p *page) lines(leading style, lead, text string) {
	for i, line := range strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n") {
		text := strings.TrimLeft(line, " ")
		if i > 0 {
			lead = line[:len(line)-len(text)]
		}
		p.putStyled(leading, lead, plainText, text)
	}
}

// blank writes an empty line.
func (p *page) blank() { _, _ = io.WriteString(p, "\n") }

// broken breaks a text that begins at a column into lines.
func (p *page) broken(text string, column int) []string {
	if p.width == 0 {
		return []string{text}
	}
	return wrap(text, max(p.width-column, narrowest/2))
}

// wrap breaks a text into lines of at most width cells: between words, and
// within a word only if it is longer than a line.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, unit := range units(text, width) {
		n := cells(unit)
		if used > 0 && used+1+n > width {
			lines, line, used = append(lines, line), "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		for used+n > width { // nothing stands before it then
			head := breakWord(unit, width)
			lines = append(lines, head)
			unit = unit[len(head):]
			n = cells(unit)
		}
		line, used = line+unit, used+n
	}
	return append(lines, line)
}

// units splits a text into pieces between which a line may end: words, except
// that an arrow stays with its target and a date with its time. Text in
// backquotes and commands of rollcall also stay whole if they fit into a line,
// because people copy them.
func units(text string, width int) []string {
	var out []string
	words := strings.Split(text, " ")
	for i := 0; i < len(words); {
		n := together(words[i:])
		if n > 1 && cells(strings.Join(words[i:i+n], " ")) > width {
			n = 1
		}
		if n == 1 && words[i] == "->" && i+1 < len(words) {
			n = 2
		}
		out = append(out, strings.Join(words[i:i+n], " "))
		i += n
	}
	return out
}

var dated = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

// together returns how many words at the beginning form one piece.
func together(words []string) int {
	switch first := words[0]; {
	case first == "->":
		return len(words)
	case len(words) > 1 && dated.MatchString(first) && strings.Contains(words[1], ":"):
		return 2
	case strings.Count(first, "`")%2 == 1:
		for i, w := range words[1:] {
			if strings.Contains(w, "`") {
				return i + 2
			}
		}
	case first == "rollcall":
		for i, w := range words {
			if strings.HasSuffix(w, ";") || strings.HasSuffix(w, ",") || strings.HasSuffix(w, ":") || strings.HasSuffix(w, ")") {
				return i + 1
			}
		}
		return len(words)
	}
	return 1
}

// breakWord cuts off the beginning of a word that does not fit into a line:
// after a comma if there is one, as in a DN, and never within a character as
// the reader sees it.
func breakWord(word string, width int) string {
	end, used, comma := 0, 0, 0
	state := -1
	for rest := word; rest != ""; {
		cluster, after, n, next := uniseg.FirstGraphemeClusterInString(rest, state)
		if used+n > width && end > 0 {
			break
		}
		end, used = end+len(cluster), used+n
		if cluster == "," {
			comma = end
		}
		rest, state = after, next
	}
	if comma > 0 && end < len(word) {
		return word[:comma]
	}
	return word[:end]
}

// counted returns a number with what it counts, such as "1 record" and "2
// records".
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
