package config

import (
	"os"
	"regexp"
)

var stateDirLine = regexp.MustCompile(`(?m)^[ \t]*state_dir[ \t]*=[ \t]*(?:"([^"\\\n]+)"|'([^'\n]+)')[ \t\r]*(?:#.*)?$`)

// StateDir finds state_dir in a file that Load refuses, so that commands can
// still reach a running agent; "" when it cannot be found. Use it for nothing
// else: the file has an error.
func StateDir(file string) string {
	l := &loader{places: map[string]place{}, failed: map[string]bool{}}
	at := path{"agent", "state_dir"}
	if tree := l.read(file); tree != nil {
		var agent Agent
		agent.setDefaults()
		if l.has(at) {
			table, _ := tree["agent"].(map[string]any)
			agent.StateDir, _ = table["state_dir"].(string)
		}
		return l.relative(at, agent.StateDir)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := stateDirLine.FindAllStringSubmatch(string(text), -1)
	if len(lines) != 1 {
		return ""
	}
	l.places[at.index()] = place{value: Pos{File: file}}
	return l.relative(at, lines[0][1]+lines[0][2])
}
