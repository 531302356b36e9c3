package body

import "encoding/binary"

// matcher finds many patterns at once by the algorithm of Wu and Manber. It
// slides a window as long as the shortest pattern over the text; the last two
// bytes in the window tell how far it can move without missing a pattern. So
// most bytes are never examined.
type matcher struct {
	window   int
	reach    int // length of the longest pattern with its neighbouring bytes
	patterns []pattern
	buckets  [][]int       // of patterns, by the end of their first window
	moves    [1 << 16]byte // how far to move; from firstBucket on: the number of a bucket
}

// span is a part of a text: [from, to).
type span struct{ from, to int }

const firstBucket = 128

// newMatcher takes patterns of at least 2 bytes. Without any it returns nil.
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

// file puts a pattern into the bucket of a pair of bytes. When there are too
// many buckets, the last one takes the rest.
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

// leastLane is the length in bytes from which a quarter of a text is worth its
// own lane.
const leastLane = 1 << 10

// find appends the places of patterns, with any neighbouring bytes that exist.
// Places that touch become one span, so that there are fewer spans than bytes.
// A long text is searched in four lanes by turns, because within one lane each
// step waits for the step before.
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

// match compares the text with the patterns of a bucket, and returns how far to
// move on.
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

// at returns the pair of bytes that ends at a place.
func at(text []byte, last int) uint16 { return binary.BigEndian.Uint16(text[last-1:]) }

// join appends a span, or extends the last one if they touch.
func join(to []span, s span) []span {
	if last := len(to) - 1; last >= 0 && s.from <= to[last].to && s.to >= to[last].from {
		to[last] = span{min(s.from, to[last].from), max(s.to, to[last].to)}
		return to
	}
	return append(to, s)
}
