//go:build race

package host_test

// raceDetector takes several times the memory for itself.
const raceDetector = true

// boundMiB is the most memory that the process may have at any time beside
// hostile modules, with the tests' own.
const boundMiB = 1_500
