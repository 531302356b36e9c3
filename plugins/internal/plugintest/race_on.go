//go:build race && !wasip1

package plugintest

const raceDetector = true
