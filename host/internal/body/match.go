package body

import "encoding/binary"

// matcher finds many patterns at once, after Wu and Manber: the last two bytes
// of a window as long as the shortest pattern tell how far the window can be
// moved without missing one. Most bytes are not looked at.
type matcher struct {
	window   int
	reach    int // the longest pattern with what is around it
	patterns []pattern
	buckets  [][]int       // of patterns, by the end of their first window
	moves    [1 << 16]byte // from firstBucket on: a bucket
}

// span is a part of a text: [from, to).
type span struct{ from, to int }

const firstBucket = 128

// newMatcher takes patterns of at least 2 bytes; none is nil.
func newMatcher(patterns []pattern) *matcher {
	if len(patterns) == 0 {
		return nil
	}
	m := &matcher{patterns: patterns, window: firstBucket}
	for _, p := range patterns {
		m.window = min(m.window, len(p.text))
		m.reach = max(m.reach, p.before+len(p.text)+p.after)
	}
	for i := range m.moves {
		m.moves[i] = byte(m.window - 1)
	}
	for i, p := range patterns {
		for end := 1; end < m.window-1; end++ {
			at := pair(p.text[end-1], p.text[end])
			if m.moves[at] < firstBucket {
				m.moves[at] = min(m.moves[at], byte(m.window-1-end))
			}
		}
		m.file(i, pair(p.text[m.window-2], p.text[m.window-1]))
	}
	return m
}

// file puts a pattern into the bucket of a pair. When there are too many
// buckets the last one takes in the rest.
func (m *matcher) file(i int, at uint16) {
	b := int(m.moves[at]) - firstBucket
	if b < 0 {
		b = min(len(m.buckets), 0xFF-firstBucket)
		m.moves[at] = byte(firstBucket + b)
	}
	if b == len(m.buckets) {
		m.buckets = append(m.buckets, nil)
	}
	m.buckets[b] = append(m.buckets[b], i)
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// leastLane is the length in bytes from which on a quarter of a text is worth
// a lane of its own.
const leastLane = 1 << 10

// find appends where patterns are, with what is there of their surroundings.
// Those that touch become one, so that a text has fewer spans than bytes. It
// looks at four parts of a long text in turn: each look at a part waits for the
// one before, and not for those at the others.
func (m *matcher) find(text []byte, to []span) []span {
	begin := m.window - 1
	quarter := (len(text) - begin) / 4
	if quarter < leastLane {
		return m.scan(text, begin, len(text), to)
	}
	a, b, c, d := begin, begin+quarter, begin+2*quarter, begin+3*quarter
	endA, endB, endC := b, c, d
	var inB, inC, inD []span
	for a < endA && b < endB && c < endC && d < len(text) {
		moveA, moveB, moveC, moveD := m.moves[at(text, a)], m.moves[at(text, b)], m.moves[at(text, c)], m.moves[at(text, d)]
		if moveA|moveB|moveC|moveD >= firstBucket {
			to, moveA = m.match(text, a, moveA, to)
			inB, moveB = m.match(text, b, moveB, inB)
			inC, moveC = m.match(text, c, moveC, inC)
			inD, moveD = m.match(text, d, moveD, inD)
		}
		a, b, c, d = a+int(moveA), b+int(moveB), c+int(moveC), d+int(moveD)
	}
	to = m.scan(text, a, endA, to)
	to = append(to, m.scan(text, b, endB, inB)...)
	to = append(to, m.scan(text, c, endC, inC)...)
	return append(to, m.scan(text, d, len(text), inD)...)
}

// scan finds the patterns whose first window ends in a part of the text.
func (m *matcher) scan(text []byte, from, end int, to []span) []span {
	for from < end {
		move := m.moves[at(text, from)]
		if move >= firstBucket {
			to, move = m.match(text, from, move, to)
		}
		from += int(move)
	}
	return to
}

// match compares the patterns of a bucket with what ends its window here, and
// says how far to move on.
func (m *matcher) match(text []byte, last int, move byte, to []span) ([]span, byte) {
	if move < firstBucket {
		return to, move
	}
	start := last - m.window + 1
	for _, i := range m.buckets[move-firstBucket] {
		p := &m.patterns[i]
		end := start + len(p.text)
		if end <= len(text) && string(text[start:end]) == p.text {
			to = join(to, span{max(start-p.before, 0), min(end+p.after, len(text))})
		}
	}
	return to, 1
}

// at is the pair that ends at a place.
func at(text []byte, last int) uint16 { return binary.BigEndian.Uint16(text[last-1:]) }

// join appends a span, or makes the last one longer by it.
func join(to []span, s span) []span {
	if last := len(to) - 1; last >= 0 && s.from <= to[last].to && s.to >= to[last].from {
		to[last] = span{min(s.from, to[last].from), max(s.to, to[last].to)}
		return to
	}
	return append(to, s)
}
