package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table writes rows in columns; every cell is made printable. If a terminal is
// too narrow, columns without information are dropped and long cells continue
// on the next line.
func table(w io.Writer, header string, rows func(row func(cells ...any))) {
	t := &grid{header: strings.Split(header, "\t")}
	rows(func(cells ...any) {
		line := make([]string, len(t.header))
		for i, c := range cells {
			line[i] = printable(fmt.Sprint(c))
		}
		t.rows = append(t.rows, line)
	})
	t.write(pageOf(w))
}

// grid is a table before its layout.
type grid struct {
	header []string
	rows   [][]string
	below  []string // a paragraph below each row; "" for none
}

// gap is the number of blanks between columns.
const gap = 2

func (t *grid) write(p *page) {
	if p.width == 0 {
		t.lines(p, t.natural())
		return
	}
	if len(t.rows) > 0 {
		t.drop(func(column []string) bool {
			return !slices.ContainsFunc(column, func(c string) bool { return c != "" })
		})
	}
	if t.hoist(p); t.long(p.width) {
		t.below = t.column(len(t.header) - 1)
		t.remove(len(t.header) - 1)
	}
	widths, fit := t.fitted(p.width, t.least)
	if !fit {
		widths, fit = t.fitted(p.width, t.usual)
	}
	if !fit {
		t.stack(p)
		return
	}
	t.lines(p, widths)
}

// column lists the cells of a column.
func (t *grid) column(i int) []string {
	out := make([]string, len(t.rows))
	for r, row := range t.rows {
		out[r] = row[i]
	}
	return out
}

// drop removes the columns for which needless returns true.
func (t *grid) drop(needless func(column []string) bool) {
	for i := len(t.header) - 1; i >= 0; i-- {
		if needless(t.column(i)) {
			t.remove(i)
		}
	}
}

func (t *grid) remove(i int) {
	t.header = slices.Delete(t.header, i, i+1)
	for r := range t.rows {
		t.rows[r] = slices.Delete(t.rows[r], i, i+1)
	}
}

// hoist moves columns with the same value in every row to a line above a table
// that is too wide, until the rest fits.
func (t *grid) hoist(p *page) {
	var same []string
	for i := 0; i < len(t.header)-1 && len(t.rows) > 1 && t.total(t.natural()) > p.width; {
		column := t.column(i)
		if column[0] == "" || slices.ContainsFunc(column, func(c string) bool { return c != column[0] }) {
			i++
			continue
		}
		same = append(same, strings.ToLower(t.header[i])+" "+column[0])
		t.remove(i)
	}
	if len(same) > 0 {
		p.put("", "All of them: "+strings.Join(same, ", ")+".")
		p.blank()
	}
}

// readable is the smallest width of a column of prose, and mostDeep the
// largest number of lines it may take there.
const (
	readable = 30
	mostDeep = 3
)

// long reports whether the last column contains prose that is too long for the
// width that the others leave.
func (t *grid) long(width int) bool {
	widths := t.natural()
	last := len(widths) - 1
	if t.total(widths) <= width || last == 0 || widths[last] <= readable {
		return false
	}
	left := width - t.total(widths[:last]) - gap
	return left < readable || widths[last] > mostDeep*left
}

// natural returns how wide each column is without breaking.
func (t *grid) natural() []int {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = cells(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	return widths
}

func (t *grid) total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

// Words up to this width are not broken in a table: the width of a GUID.
const wholeWord = 36

// least returns how wide a column must be so that no word in it is broken.
func (t *grid) least(i int) int { return slices.Max(t.words(i)) }

// usual returns how wide a column must be so that most words in it are not
// broken.
func (t *grid) usual(i int) int {
	words := t.words(i)
	return max(longestWord(t.header[i]), words[len(words)/2])
}

// words returns the widths of the longest word of each cell, in order.
func (t *grid) words(i int) []int {
	all := []int{longestWord(t.header[i])}
	for _, row := range t.rows {
		all = append(all, longestWord(row[i]))
	}
	slices.Sort(all)
	return all
}

func longestWord(cell string) int {
	longest := 0
	for _, word := range strings.Fields(cell) {
		longest = max(longest, min(cells(word), wholeWord))
	}
	return longest
}

// fitted narrows the widest columns until the table fits, down to their
// smallest widths; false if it cannot fit.
func (t *grid) fitted(width int, leastOf func(column int) int) ([]int, bool) {
	widths := t.natural()
	least := make([]int, len(widths))
	for i := range widths {
		least[i] = leastOf(i)
	}
	for t.total(widths) > width {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

// lines writes the table in columns of these widths.
func (t *grid) lines(p *page, widths []int) {
	t.line(p, bold, t.header, widths)
	for i, row := range t.rows {
		t.line(p, plainText, row, widths)
		t.paragraph(p, i)
	}
}

func (t *grid) paragraph(p *page, row int) {
	if t.below != nil && t.below[row] != "" {
		p.put("    ", t.below[row])
	}
}

func (t *grid) line(p *page, s style, row []string, widths []int) {
	parts, deep := make([][]string, len(row)), 1
	for i, cell := range row {
		parts[i] = []string{cell}
		if p.width > 0 && cells(cell) > widths[i] {
			parts[i] = wrap(cell, widths[i])
		}
		deep = max(deep, len(parts[i]))
	}
	for n := range deep {
		var b strings.Builder
		behind := 0 // blanks to write before the next text
		for i := range row {
			part := ""
			if n < len(parts[i]) {
				part = parts[i][n]
			}
			if part != "" {
				b.WriteString(strings.Repeat(" ", behind) + part)
				behind = 0
			}
			behind += widths[i] - cells(part) + gap
		}
		_, _ = fmt.Fprintln(p, p.paint(s, b.String()))
	}
}

// stack writes each row as a paragraph: its cells with the names of their
// columns.
func (t *grid) stack(p *page) {
	for r, row := range t.rows {
		var parts []string
		for i, cell := range row {
			if cell != "" {
				parts = append(parts, strings.TrimSpace(strings.ToLower(t.header[i])+" "+cell))
			}
		}
		for i, line := range wrap(strings.Join(parts, ", "), p.width-4) {
			if i == 0 {
				line = p.paint(bold, line)
			} else {
				line = "    " + line
			}
			_, _ = fmt.Fprintln(p, line)
		}
		t.paragraph(p, r)
	}
}
