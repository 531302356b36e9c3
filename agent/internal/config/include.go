package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/host/tomlbounds"
)

// read reads the main file and the files that it includes into one tree.
func (l *loader) read(file string) map[string]any {
	file = filepath.Clean(file)
	tree := l.readFile(file)
	if tree == nil {
		return nil
	}
	agent, _ := tree["agent"].(map[string]any)
	patterns, _ := listOf(agent["include"])
	for i, p := range patterns {
		if pattern, ok := p.(string); ok {
			l.include(tree, pattern, path{"agent", "include"}.item(i))
		}
	}
	return tree
}

// include merges the files that match a pattern, in the order of their names.
func (l *loader) include(tree map[string]any, pattern string, at path) {
	full := l.relative(at, pattern)
	names, err := filepath.Glob(full)
	if err != nil {
		l.fail(at, fmt.Sprintf("include %q is not a valid pattern", pattern), "")
		return
	}
	if len(names) == 0 && !strings.ContainsAny(pattern, "*?[") {
		l.fail(at, fmt.Sprintf("include %q: there is no such file", pattern), "")
		return
	}
	for _, name := range names {
		if !slices.Contains(l.files, name) {
			l.includeFile(tree, name)
		}
	}
}

func (l *loader) includeFile(tree map[string]any, name string) {
	places := l.places
	l.places = map[string]place{}
	more := l.readFile(name)
	own := l.places
	l.places = places
	if include := (path{"agent", "include"}).index(); own[include] != (place{}) {
		l.errs = append(l.errs, Error{
			Pos: own[include].key, Key: "agent.include",
			Message: "only the main file may include others", Hint: "add the pattern to " + l.files[0],
		})
		delete(own, include)
		if agent, ok := more["agent"].(map[string]any); ok {
			delete(agent, "include")
		}
	}
	taken := map[string]bool{}
	l.merge(tree, more, own, nil, taken)
	l.takePlaces(taken, own)
}

// readFile decodes one file and notes its places. It returns nil after an error.
func (l *loader) readFile(file string) map[string]any {
	l.files = append(l.files, file)
	data, err := regular.Read(file, int64(tomlbounds.Configuration.Bytes))
	if err != nil {
		l.errs = append(l.errs, Error{Pos: Pos{File: file}, Message: readError(err), Hint: readHint(err)})
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // some editors write a byte order mark
	var large *tomlbounds.LimitError
	if err := tomlbounds.Check(data, tomlbounds.Configuration); errors.As(err, &large) { // the parser reports bad syntax better
		x := newIndexer(file, data)
		l.errs = append(l.errs, Error{
			Pos: x.pos(large.Offset), Message: fmt.Sprintf("%s, more than %d: is this a configuration?", large.What, large.Limit),
		})
		return nil
	}
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		l.errs = append(l.errs, syntaxError(file, data, err))
		return nil
	}
	maps.Copy(l.places, indexPlaces(file, data))
	l.leftovers = append(l.leftovers, findLeftovers(file, data)...)
	return tree
}

func readError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return "read the configuration: " + err.Error()
}

func readHint(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "name another file with --config"
	}
	return ""
}

func syntaxError(file string, data []byte, err error) Error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return Error{Pos: fileStart(file), Message: err.Error()}
	}
	x := newIndexer(file, data)
	return Error{
		Pos: x.pos(parse.Position.Start), Key: parse.LastKey,
		Message: "not valid TOML: " + strings.TrimSuffix(parse.Message, "."), Hint: syntaxHint(parse.Message),
	}
}

const backslashHint = `in "..." a \ begins an escape: write '...', where it stands for itself`

// syntaxHint names the usual cause of an error of the TOML parser.
func syntaxHint(message string) string {
	for _, h := range []struct{ form, hint string }{
		{`found "(True|TRUE|False|FALSE)`, "true and false are written in lower case"},
		{`[“”„‘’]`, `quotes are straight: "..."`},
		{`found ("[A-Za-z]|'/')`, `a text needs quotes: "..."`},
		{`or '=', but got`, "between a key and its value stands ="},
		{`cannot contain newlines`, `the quote at the end is missing; a text of several lines stands in """..."""`},
		{`got '%'`, `a percentage is a text: "5%"`},
		{`hexadecimal digits after|escape`, backslashHint},
		{`end with a newline, comment, or EOF, but got '[;,]'`, "nothing stands after a value: one line for each key"},
		{`already been defined`, "each key and each [section] stands once"},
	} {
		if regexp.MustCompile(h.form).MatchString(message) {
			return h.hint
		}
	}
	return ""
}

// merge adds the tables of an included file to the tree. A section may be spread
// over several files, but a key, or a definition such as [automations.staff],
// must be in one file. merge notes in taken what it added from this file.
func (l *loader) merge(tree, more map[string]any, places map[string]place, at path, taken map[string]bool) {
	for _, key := range slices.Sorted(maps.Keys(more)) {
		here := at.with(key)
		old, both := tree[key]
		if !both {
			tree[key] = more[key]
			taken[here.index()] = true
			continue
		}
		oldTable, ok1 := old.(map[string]any)
		newTable, ok2 := more[key].(map[string]any)
		if ok1 && ok2 && len(here) == 1 {
			l.merge(oldTable, newTable, places, here, taken)
			continue
		}
		l.errs = append(l.errs, Error{
			Pos: places[here.index()].key, Key: here.String(),
			Message: here.String() + " is already set in " + l.key(here).String(),
		})
	}
}

// takePlaces copies the places of the keys in taken, and of everything below
// them. These keys have one part or two.
func (l *loader) takePlaces(taken map[string]bool, places map[string]place) {
	for index, p := range places {
		section, rest, _ := strings.Cut(index, "\x00")
		name, _, _ := strings.Cut(rest, "\x00")
		if taken[section] || taken[section+"\x00"+name] {
			l.places[index] = p
		}
	}
}
