package sim

import "strings"

// dice is a small deterministic source of numbers (splitmix64).
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }

func (g generator) name(d *dice, id int64) (first, last string) {
	if id == 1 {
		return "Ada", "Novak"
	}
	return pick(d, []string{"Jan", "Zoë", "Ivo", "Šárka"}), pick(d, []string{"Novák", "Müller", "O'Connor"})
}

func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
