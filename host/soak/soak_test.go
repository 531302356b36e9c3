package soak

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for set, want := range map[string]int{"": 2, "0": 2, "1": 9} {
		t.Setenv(sizeVariable, set)
		if n := Size(2, 9); n != want {
			t.Errorf("%s=%q: %d, want %d", sizeVariable, set, n, want)
		}
	}
}

func TestSomeKeepsOrder(t *testing.T) {
	t.Setenv(sizeVariable, "")
	all := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
	some := Some(t, 4, all)
	if len(some) != 4 || !slices.IsSorted(some) || len(slices.Compact(slices.Clone(some))) != 4 {
		t.Errorf("%v", some)
	}
	if n := len(Some(t, 20, all)); n != len(all) {
		t.Errorf("%d of %d, when more are asked for", n, len(all))
	}
	t.Setenv(sizeVariable, "1")
	if n := len(Some(t, 4, all)); n != len(all) {
		t.Errorf("%d of %d at full size", n, len(all))
	}
}

// A given seed gives the same again, and without one it is another each time.
func TestSeed(t *testing.T) {
	t.Setenv(seedVariable, "")
	if first, second := Seed(t), Seed(t); first == second {
		t.Error("the same seed twice")
	}
	t.Setenv(seedVariable, "7")
	if a, b := Rand(t).Uint64(), Rand(t).Uint64(); a != b {
		t.Errorf("%d and %d from one seed", a, b)
	}
}

func drawn(t *testing.T, small, full int) []uint64 {
	var all []uint64
	Check(t, small, full, func(r *rapid.T) { all = append(all, rapid.Uint64().Draw(r, "x")) })
	return all
}

func TestCheck(t *testing.T) {
	t.Setenv(sizeVariable, "")
	t.Setenv(seedVariable, "7")
	t.Setenv(variables["rapid.checks"], "")
	t.Setenv(variables["rapid.seed"], "")
	small := drawn(t, 3, 12)
	if len(small) != 3 || !slices.Equal(small, drawn(t, 3, 12)) {
		t.Errorf("%v, and then another", small)
	}
	t.Setenv(sizeVariable, "1")
	if n := len(drawn(t, 3, 12)); n != 12 {
		t.Errorf("%d checks at full size", n)
	}
	t.Setenv(variables["rapid.checks"], "100")
	if n := len(drawn(t, 3, 12)); n != 100 {
		t.Errorf("%d checks, and a developer wants 100", n)
	}
}

func TestChecksBesideEachOther(t *testing.T) {
	for _, n := range []int{5, 20, 50} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if got := len(drawn(t, n, n)); got != n {
				t.Errorf("%d checks, want %d", got, n)
			}
		})
	}
}

// CPU counts work, and does not count waiting.
func TestCPU(t *testing.T) {
	before := CPU()
	time.Sleep(300 * time.Millisecond)
	if slept := CPU() - before; slept > 200*time.Millisecond {
		t.Errorf("sleeping took %s", slept)
	}
	for before = CPU(); CPU()-before < 50*time.Millisecond; {
		_ = strings.Repeat("work", 1000)
	}
}

func TestAwait(t *testing.T) {
	n := 0
	Await(t, "the third look", func() bool { n++; return n == 3 })
	if n != 3 {
		t.Errorf("looked %d times", n)
	}
}
