//go:build !race && !wasip1

package main

const raceDetector = false
