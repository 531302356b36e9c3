//go:build race

package host_test

// raceDetector takes several times the memory for itself.
const raceDetector = true
