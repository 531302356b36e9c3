// Package soak sets the size of tests that repeat something: random changes,
// hostile modules, processes that are killed. `make test` runs them small,
// `make soak` at full size; the assertions are the same. What is random starts
// from a seed that the test logs and that ROLLCALL_SEED gives again. For tests
// of any size it waits (Await) and measures (CPU) in a way that a busy machine
// does not fail.
//
// Only tests import it. It does not decide what a test asserts, and a test
// whose size is fixed has no use for it.
package soak

import (
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Environment variables that a developer sets.
const (
	sizeVariable = "ROLLCALL_SOAK" // 1 asks for the full size
	seedVariable = "ROLLCALL_SEED" // the seed of a run that is to be repeated
)

// Full reports whether tests run at full size.
func Full() bool { return os.Getenv(sizeVariable) == "1" }

// Size returns small, or full when tests run at full size.
func Size(small, full int) int {
	if Full() {
		return full
	}
	return small
}

// Seed returns the seed of ROLLCALL_SEED, or else a random one, and logs it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()>>1 | 1 // never 0, which rapid takes for none
	if given := os.Getenv(seedVariable); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		if err != nil || n == 0 {
			t.Fatalf("%s=%q is not a whole number above 0", seedVariable, given)
		}
		seed = n
	}
	t.Logf("to repeat this: %s=%d", seedVariable, seed)
	return seed
}

// Rand returns random numbers that start from Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}

// Some returns each element of all at full size, and otherwise n of them,
// chosen at random but in their order.
func Some[T any](t testing.TB, n int, all []T) []T {
	t.Helper()
	if Full() || n >= len(all) {
		return all
	}
	chosen := make([]bool, len(all))
	for _, i := range Rand(t).Perm(len(all))[:n] {
		chosen[i] = true
	}
	some := make([]T, 0, n)
	for i, is := range chosen {
		if is {
			some = append(some, all[i])
		}
	}
	return some
}

// flags holds the flags of rapid still while a check reads them: rapid knows
// one number of checks and one seed for all tests of a process.
var flags sync.Mutex

// Check runs rapid.Check with as many checks as Size says, from Seed. A flag or
// variable of rapid that a developer sets wins. In a package whose tests run in
// parallel, all of them use Check.
func Check(t *testing.T, small, full int, property func(*rapid.T)) {
	t.Helper()
	flags.Lock()
	release := sync.OnceFunc(flags.Unlock)
	defer release()
	restore := set(t, map[string]string{
		"rapid.checks": strconv.Itoa(Size(small, full)),
		"rapid.seed":   strconv.FormatUint(Seed(t), 10),
	})
	read := sync.OnceFunc(func() { restore(); release() })
	defer read()
	rapid.Check(t, func(r *rapid.T) {
		read() // rapid has read its flags when it calls a property
		property(r)
	})
}

// set gives flags values, except those that a developer has set, and returns
// what sets them back.
func set(t *testing.T, values map[string]string) func() {
	t.Helper()
	former := map[string]string{}
	for name, value := range values {
		f := flag.Lookup(name)
		if f.Value.String() != f.DefValue || os.Getenv(variables[name]) != "" {
			continue
		}
		former[name] = f.Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for name, value := range former {
			_ = flag.Set(name, value)
		}
	}
}

// variables are the ones of rapid that stand for a flag.
var variables = map[string]string{"rapid.checks": "RAPID_CHECKS", "rapid.seed": "RAPID_SEED"}
