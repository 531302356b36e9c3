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

// page is where text for people goes: a terminal of some width, or something
// that is no terminal, such as a file or a pipe. There, lines are not broken,
// so that scripts find a whole line, and there are neither marks nor colours.
type page struct {
	io.Writer
	terminal bool
	width    int  // of the lines, in cells; 0 is any
	colours  bool // never without terminal
}

// pageOf is the page that w is, or one of a w that is no terminal.
func pageOf(w io.Writer) *page {
	if p, ok := w.(*page); ok {
		return p
	}
	return &page{Writer: w}
}

// narrowest is the least width that lines are broken to.
const narrowest = 40

// openPage finds out what w is. The environment may forbid colours:
// no-color.org, and TERM=dumb.
func openPage(w io.Writer) *page {
	file := w
	if s, ok := w.(*status); ok { // which goes on keeping its last line apart
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

// style is how a piece of text stands out: the number of an SGR sequence, or
// nothing.
type style string

const (
	plainText style = ""
	bold      style = "1"
	red       style = "31"
	green     style = "32"
	yellow    style = "33"
)

// paint gives text a style, on a page with colours.
func (p *page) paint(s style, text string) string {
	if !p.colours || s == plainText || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// cells is how many columns of a terminal a text takes.
func cells(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// put writes a paragraph. lead stands before it, and what does not fit into the
// line goes on below its beginning. Both are made printable.
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

// lines is putStyled for a text of several lines, each of which is broken by
// itself.
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
// within one only when it is longer than a line.
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
		for used+n > width { // nothing is before it then
			head := breakWord(unit, width)
			lines = append(lines, head)
			unit = unit[len(head):]
			n = cells(unit)
		}
		line, used = line+unit, used+n
	}
	return append(lines, line)
}

// units are the pieces of a text between which a line may end: words, except
// that an arrow stays with what it points to, and a date with its time. What
// stands in backquotes or is a command of rollcall stays whole too, as long as
// it fits into a line: people copy it.
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

// together counts the words at the beginning that are one piece.
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
// after a comma where there is one, such as in a DN, and never within what is
// one character to a reader.
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

// counted is a number with what it counts, such as "1 record" and "2 records".
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
