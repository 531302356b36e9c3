package ident

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestKeysInNaturalOrder(t *testing.T) {
	want := []Key{"", "0", "00", "1", "02", "2", "10", "123456789012345678901234567890", "1234567890123456789012345678901", "a", "a1", "a2b", "a2c", "a10", "b1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, Key.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// The order is total, or sorting by it would not always give the same.
func TestTheOrderOfKeysIsTotal(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) Key {
		return Key(rapid.StringOf(rapid.RuneFrom([]rune("0129aé"))).Draw(t, "key"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := key.Draw(t, "a"), key.Draw(t, "b"), key.Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d, %d", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%q <= %q <= %q, but not %q <= %q", a, b, c, a, c)
		}
	})
}
