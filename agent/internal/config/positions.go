package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// place says where a key stands and where the content of its value begins: after
// the quotes of a text, at the bracket of a list.
type place struct{ key, value Pos }

// indexer finds the places of all keys and values of one file. The file is known
// to be valid TOML.
type indexer struct {
	file   string
	data   []byte
	starts []int // offsets of the lines
	places map[string]place
	lists  map[string]int // lengths of the arrays of tables
	parser unstable.Parser
}

// indexPlaces walks the file. If this second parser refuses what the first one
// accepted, the places after that point are unknown, and errors name the nearest
// table with a known place.
func indexPlaces(file string, data []byte) map[string]place {
	x := newIndexer(file, data)
	x.parser.Reset(data)
	var prefix path
	for x.parser.NextExpression() {
		switch e := x.parser.Expression(); e.Kind {
		case unstable.Table:
			prefix, _ = x.keys(nil, e.Key())
		case unstable.ArrayTable:
			prefix, _ = x.keys(nil, e.Key())
			if last := prefix[len(prefix)-1]; strings.HasPrefix(last, "[") {
				prefix = prefix[:len(prefix)-1]
			}
			n := x.lists[prefix.index()]
			x.lists[prefix.index()] = n + 1
			p := x.places[prefix.index()].key
			prefix = prefix.item(n)
			x.places[prefix.index()] = place{key: p, value: p}
		case unstable.KeyValue:
			x.keyValue(prefix, e)
		default: // a comment has no place in the index
		}
	}
	return x.places
}

func newIndexer(file string, data []byte) *indexer {
	x := &indexer{file: file, data: data, starts: []int{0}, places: map[string]place{}, lists: map[string]int{}}
	for i, b := range data {
		if b == '\n' {
			x.starts = append(x.starts, i+1)
		}
	}
	return x
}

// keys follows a dotted key below at and notes the place of each part. It
// overwrites only the place of the last part: the others may have a better one
// already. It returns the offset after the last part.
func (x *indexer) keys(at path, it unstable.Iterator) (path, int) {
	end := 0
	for it.Next() {
		node := it.Node()
		at = at.with(string(node.Data))
		p := x.pos(int(node.Raw.Offset))
		if _, known := x.places[at.index()]; !known || it.IsLast() {
			x.places[at.index()] = place{key: p, value: p}
		}
		end = int(node.Raw.Offset + node.Raw.Length)
		if n := x.lists[at.index()]; n > 0 {
			at = at.item(n - 1)
		}
	}
	return at, end
}

// keyValue notes the places of one key and of everything in its value.
func (x *indexer) keyValue(prefix path, e *unstable.Node) {
	at, end := x.keys(prefix, e.Key())
	begin := end
	for begin < len(x.data) && strings.IndexByte(" \t=", x.data[begin]) >= 0 {
		begin++
	}
	key := x.places[at.index()].key
	x.value(at, e.Value(), key, x.pos(begin))
}

func (x *indexer) value(at path, v *unstable.Node, key, begin Pos) {
	if v.Kind == unstable.String {
		begin = x.content(int(v.Raw.Offset))
	} else if v.Raw.Length > 0 {
		begin = x.pos(int(v.Raw.Offset))
	}
	x.places[at.index()] = place{key: key, value: begin}
	switch v.Kind {
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			x.value(at.item(i), it.Node(), begin, begin)
			i++
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				x.keyValue(at, it.Node())
			}
		}
	default: // a value without parts
	}
}

// content returns the place of the first character of a text after its quotes. A
// line break directly after three quotes is not part of the text.
func (x *indexer) content(offset int) Pos {
	rest := x.data[offset:] // not as a text: that would copy the rest of the file for each value
	if bytes.HasPrefix(rest, bytes.Repeat(rest[:1], 3)) {
		offset += 3
		rest = rest[3:]
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			offset += 2
		case bytes.HasPrefix(rest, []byte("\n")):
			offset++
		}
		return x.pos(offset)
	}
	return x.pos(offset + 1)
}

// pos turns an offset into a line and a column, counted in characters. The
// offsets of syntax errors may lie outside of the file.
func (x *indexer) pos(offset int) Pos {
	offset = max(0, min(offset, len(x.data)))
	line, high := 0, len(x.starts)
	for high-line > 1 {
		if middle := (line + high) / 2; x.starts[middle] <= offset {
			line = middle
		} else {
			high = middle
		}
	}
	column := utf8.RuneCount(x.data[x.starts[line]:offset])
	return Pos{File: x.file, Line: line + 1, Column: column + 1}
}

// fileStart returns the place for an error about something that is missing.
func fileStart(file string) Pos { return Pos{File: file, Line: 1, Column: 1} }
