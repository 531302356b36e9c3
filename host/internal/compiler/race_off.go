//go:build !race

package compiler

// How much more memory and time than the compiler alone this build takes.
const (
	timeFactor     = 1
	residentFactor = 1
	dataFactor     = 1

	raceSettings = ""
)
