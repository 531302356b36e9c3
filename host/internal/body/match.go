package body

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
func (m *matcher) file(i, at int) {
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

func pair(a, b byte) int { return int(a)<<8 | int(b) }

// find appends where patterns are, with what is there of their surroundings.
// Those that touch become one, so that a text has fewer spans than bytes.
func (m *matcher) find(text []byte, to []span) []span {
	for at := m.window - 1; at < len(text); {
		move := m.moves[pair(text[at-1], text[at])]
		if move < firstBucket {
			at += int(move)
			continue
		}
		start := at - m.window + 1
		for _, i := range m.buckets[move-firstBucket] {
			p := &m.patterns[i]
			end := start + len(p.text)
			if end <= len(text) && string(text[start:end]) == p.text {
				to = join(to, span{max(start-p.before, 0), min(end+p.after, len(text))})
			}
		}
		at++
	}
	return to
}

// join appends a span, or makes the last one longer by it.
func join(to []span, s span) []span {
	if last := len(to) - 1; last >= 0 && s.from <= to[last].to && s.to >= to[last].from {
		to[last] = span{min(s.from, to[last].from), max(s.to, to[last].to)}
		return to
	}
	return append(to, s)
}
