//go:build !race

package compiler

// How much more memory and time this build takes than the compiler alone.
const (
	timeFactor     = 1
	residentFactor = 1
	dataFactor     = 1

	raceSettings = ""
)
