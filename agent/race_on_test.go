//go:build race

package main

// raceFlags build the command as this test binary was built.
var raceFlags = []string{"-race"}
