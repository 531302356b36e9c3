// Package soak sets the size of tests that repeat something: random changes,
// hostile modules, killed processes. `make test` runs them small, `make soak`
// at full size, with the same assertions. Random values start from a seed that
// the test logs and that ROLLCALL_SEED can repeat. Await and CPU let any test
// wait and measure in a way that does not fail on a busy machine.
//
// Only tests import it. It does not decide what a test asserts, and tests of a
// fixed size have no use for it.
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

// Environment variables that developers set.
const (
	sizeVariable = "ROLLCALL_SOAK" // 1 asks for the full size
	seedVariable = "ROLLCALL_SEED" // the seed of a run to repeat
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
	seed := rand.Uint64()>>1 | 1 //nolint:gosec // chooses tests; never 0, which rapid takes for no seed
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

// Rand returns a source of random numbers that starts from Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0)) //nolint:gosec // chooses tests, and must come out the same from one seed
}

// Some returns all elements at full size, and otherwise n of them, chosen at
// random but in their original order.
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

// flags keeps rapid's flags constant while a check reads them: rapid has one
// number of checks and one seed for all tests of a process.
var flags sync.Mutex

// Check runs rapid.Check from Seed with as many checks as Size says. A flag or
// variable of rapid that a developer sets takes precedence. If a package runs
// tests in parallel, all of them must use Check.
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

// set sets flags, except those that a developer has set, and returns a function
// that restores them.
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

// variables maps rapid's flags to the environment variables that stand for
// them.
var variables = map[string]string{"rapid.checks": "RAPID_CHECKS", "rapid.seed": "RAPID_SEED"}
