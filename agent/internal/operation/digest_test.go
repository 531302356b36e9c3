package operation

import "testing"

func TestDigest(t *testing.T) {
	if Digest([]string{"a", "b"}) != Digest([]string{"b", "a", "b"}) {
		t.Error("the order of values matters")
	}
	for _, other := range [][]string{nil, {""}, {"ab"}, {"a", ""}, {"A", "b"}, {"a\x00b"}} {
		if Digest(other) == Digest([]string{"a", "b"}) {
			t.Errorf("%q has the digest of a and b", other)
		}
	}
	if d := Digest(nil); len(d) != 32 || d == Digest([]string{""}) {
		t.Errorf("the digest of nothing is %q", d)
	}
}
