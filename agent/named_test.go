package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedCommandsExist: what a next step tells a person to run can be run.
func TestNamedCommandsExist(t *testing.T) {
	named := regexp.MustCompile(`(?:ident\.Command\("|["` + "`" + ` ]rollcall )((?:link|quarantine|secret|journal|connector|test) [a-z]+|validate|plan|apply|approve|reject|runs)\b`)
	root, seen := (&cli{}).root(), 0
	for _, dir := range []string{".", "../host", "../sdk", "../plugins"} {
		err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := os.ReadFile(file)
			for _, m := range named.FindAllStringSubmatch(string(source), -1) {
				seen++
				words := strings.Fields(m[1])
				if cmd, _, err := root.Find(words); err != nil || cmd.CommandPath() != "rollcall "+m[1] {
					t.Errorf("%s names the command rollcall %s, which does not exist", file, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 10 {
		t.Errorf("found %d commands only: the pattern misses them", seen)
	}
}
