//go:build !race && !wasip1

package plugintest

// RaceDetector says whether the tests were built with it.
const RaceDetector = false
