//go:build !race

package host_test

const raceDetector = false

// boundMiB is the most memory that the process may have at any time beside
// hostile modules, with the tests' own.
const boundMiB = 700
