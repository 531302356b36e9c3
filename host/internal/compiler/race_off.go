//go:build !race

package compiler

// How much more memory than the compiler alone this build takes.
const (
	residentFactor = 1
	dataFactor     = 1

	raceSettings = ""
)
