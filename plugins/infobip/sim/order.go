package sim

import (
	"cmp"
	"slices"
	"strings"
)

const orderID = "id:asc" // the order when the client names none

// entry is a record to sort: its number, and the value to sort by.
type entry struct {
	key string
	n   int64
}

// ordered sorts entries by key, then by number, in an order such as
// "lastName:asc", and returns the numbers.
func ordered(entries []entry, order string) []int64 {
	descending := strings.HasSuffix(order, ":desc")
	slices.SortFunc(entries, func(a, b entry) int {
		c := cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.n, b.n))
		if descending {
			return -c
		}
		return c
	})
	numbers := make([]int64, len(entries))
	for i, e := range entries {
		numbers[i] = e.n
	}
	return numbers
}

// fieldOfOrder returns the field of an order such as "lastName:asc".
func fieldOfOrder(order string) string {
	field, _, _ := strings.Cut(order, ":")
	return field
}
