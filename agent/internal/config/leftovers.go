package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// leftover is a place that is still marked CHANGE. The example configuration
// marks in this way what every administrator has to change.
type leftover struct {
	pos  Pos
	last int    // the last line that the mark refers to
	text string // the lines that the mark refers to
}

var (
	markForm    = regexp.MustCompile(`\bCHANGE\b`)
	exampleForm = regexp.MustCompile(`(?i)\bexample\.(com|org|net)\b|\bDC=example\b|\bx{4,}\b`)
	hostForm    = regexp.MustCompile(`(?i)\bexample\.(com|org|net)\b|\.(example|invalid)$`)
)

// findLeftovers finds the marks. A mark behind a value refers to its line. A
// mark on a line of its own refers to the lines after it, up to a blank line or
// the next comment.
func findLeftovers(file string, data []byte) []leftover {
	lines := strings.Split(string(data), "\n")
	var found []leftover
	for i, line := range lines {
		value, comment := cutComment(line)
		if !markForm.MatchString(comment) {
			continue
		}
		about, last := value, i+1
		if strings.TrimSpace(value) == "" {
			about, last = following(lines, i+1)
		}
		if about != "" {
			column := utf8.RuneCountInString(value) + 1
			found = append(found, leftover{pos: Pos{File: file, Line: i + 1, Column: column}, last: last, text: about})
		}
	}
	return found
}

// following returns the lines from index i on that the comment before them
// refers to, and the number of the last one.
func following(lines []string, i int) (about string, last int) {
	for ; i < len(lines); i++ {
		value, comment := cutComment(lines[i])
		switch {
		case strings.TrimSpace(value) != "":
			about, last = about+value+"\n", i+1
		case comment == "" || about != "":
			return about, last
		}
	}
	return about, last
}

// cutComment splits a line at the first # outside of quotes. It does not know of
// texts that began on an earlier line: at worst it sees a mark where there is
// none.
func cutComment(line string) (value, comment string) {
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return line[:i], line[i:]
		}
	}
	return line, ""
}

// Leftovers reports what is still as in the example. A CHANGE mark beside a
// value of the example is an error: an administrator has overlooked it. A mark
// beside another value is only a warning. So is a host of the example without a
// mark, because it could be the name of a real domain.
func (c *Config) Leftovers() (Errors, []Warning) {
	var errs Errors
	var warnings []Warning
	for _, m := range c.leftovers {
		if value := exampleForm.FindString(m.text); value != "" {
			errs = append(errs, Error{
				Pos: m.pos, Message: fmt.Sprintf("this is still marked CHANGE, and the value is still the example's (%s)", value),
				Hint: "write your own, and remove the mark",
			})
			continue
		}
		warnings = append(warnings, Warning{Pos: m.pos, Message: "this is still marked CHANGE", Hint: "remove the mark once the value is yours"})
	}
	for _, text := range c.named() {
		told := slices.ContainsFunc(c.leftovers, func(m leftover) bool {
			return m.pos.File == text.Pos.File && m.pos.Line <= text.Pos.Line && text.Pos.Line <= m.last
		})
		if host := hostForm.FindString(text.Text); host != "" && !told {
			warnings = append(warnings, Warning{
				Pos: text.Pos, Message: fmt.Sprintf("%q is a name of the examples, which nobody has (%s)", text.Text, strings.TrimPrefix(host, ".")),
				Hint: "write your own",
			})
		}
	}
	return errs.sorted(), warnings
}

// named returns the texts that name hosts, or the domains of mail addresses and
// logins.
func (c *Config) named() []Text {
	var all []Text
	add := func(text string, key ...string) { all = append(all, Text{Text: text, Pos: c.Place(key...)}) }
	for i, u := range c.Directory.URLs {
		add(u, "directory", "urls", fmt.Sprintf("[%d]", i))
	}
	add(c.Directory.BindDN, "directory", "bind_dn")
	if u, err := url.Parse(c.Receiver.URL); err == nil {
		add(u.Hostname(), "receiver", "url")
	}
	for _, name := range sortedKeys(c.Applications) {
		a := c.Applications[name]
		for i, host := range a.Hosts {
			add(host, "applications", name, "hosts", fmt.Sprintf("[%d]", i))
		}
		for key, text := range map[string]string{"base_url": a.BaseURL, "auth_url": a.AuthURL, "token_url": a.TokenURL, "proxy": a.Proxy} {
			if u, err := url.Parse(text); err == nil {
				add(u.Hostname(), "applications", name, key)
			}
		}
	}
	for _, name := range sortedKeys(c.DataSources) {
		d := c.DataSources[name]
		for _, attribute := range sortedKeys(d.Attributes) {
			all = append(all, d.Attributes[attribute].texts()...)
		}
	}
	return all
}
