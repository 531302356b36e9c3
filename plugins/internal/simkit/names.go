package simkit

import (
	"fmt"
	"strconv"
	"strings"
)

// Dice is a small deterministic source of numbers (splitmix64).
type Dice uint64

func (d *Dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Below returns a number from 0 to n-1.
func (d *Dice) Below(n int) int { return int(d.next() % uint64(n)) }

// Pick returns one of the elements.
func Pick[T any](d *Dice, from []T) T { return from[d.Below(len(from))] }

// Names generates people's names and addresses. The same seed and number give
// the same results, and nothing is stored.
type Names struct {
	seed     uint64
	cultures []Culture
	special  []string
	fold     *strings.Replacer
}

// NewNames returns a generator.
func NewNames(seed uint64) *Names {
	return &Names{seed: seed, cultures: cultures(), special: specialNames(), fold: letterFolder()}
}

// Dice returns the source of numbers for everything about a person.
func (n *Names) Dice(number int64) Dice {
	return Dice(n.seed*0x632be59bd9b4e019 + uint64(number))
}

// Culture picks the part of the world that a person comes from.
func (n *Names) Culture(d *Dice) Culture { return Pick(d, n.cultures) }

// specialEvery spaces the special names: every seventh of the first people has
// one.
const specialEvery = 7

// Special returns a name that breaks programs which paste it into filters, DNs,
// CSV, shells or HTML. Each such name is given to one of the first people;
// nothing else should be unusual about them.
func (n *Names) Special(number int64) (string, bool) {
	i := (number - 3) / specialEvery
	if number < 3 || (number-3)%specialEvery != 0 || i >= int64(len(n.special)) {
		return "", false
	}
	return n.special[i], true
}

// Specials lists the special names.
func (n *Names) Specials() []string { return specialNames() }

// Full returns the name of a person. Person 1 is always the same, and every
// fiftieth has another person's name.
func (n *Names) Full(d *Dice, c Culture, number int64) string {
	if number == 1 {
		return "Ada Novak"
	}
	if number%50 == 17 {
		other := n.Dice(number - 1)
		return n.Full(&other, n.Culture(&other), number-1)
	}
	first, last := n.Pair(d, c, number)
	if c.Locale == "vi_VN" {
		return last + " " + first // the family name comes first
	}
	return first + " " + last
}

// Pair returns a given name and a surname.
func (n *Names) Pair(d *Dice, c Culture, number int64) (first, last string) {
	last = Pick(d, c.last)
	switch k := d.Below(10); {
	case k < 4 || (k < 7 && number > 2000): // more surnames, so that a large company is not full of equal names
		last = Pick(d, c.stems) + Pick(d, c.ends)
	case k == 9 && len(last) < 12:
		last += "-" + Pick(d, c.stems) + Pick(d, c.ends)
	}
	return Pick(d, c.first), strings.ReplaceAll(last, "_", " ")
}

// Address returns an e-mail address that is unique regardless of letter case,
// because its local part ends in the number. A few contain capitals.
func (n *Names) Address(d *Dice, name string, number int64) string {
	local := foldName(n.fold, name)
	if local == "" {
		local = "user"
	}
	address := fmt.Sprintf("%s%d@example.org", local, number)
	if d.Below(40) == 0 {
		address = strings.ToUpper(address[:1]) + address[1:len(address)-len("example.org")] + "Example.org"
	}
	return address
}

// NumberOf returns the number in an address made by Address.
func NumberOf(address string) (int64, bool) {
	local, _, _ := strings.Cut(address, "@")
	number, err := strconv.ParseInt(local[len(strings.TrimRight(local, "0123456789")):], 10, 64)
	return number, err == nil
}
