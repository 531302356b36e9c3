//go:build race

package compiler

// How much more memory and time this build takes than the compiler alone: the
// race detector keeps several bytes for each byte.
const (
	timeFactor     = 10
	residentFactor = 6
	dataFactor     = 6

	// Without this, each process waits a second for reports before it ends.
	raceSettings = "GORACE=atexit_sleep_ms=0"
)
