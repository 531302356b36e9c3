package config

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the errors into testdata/wrong")

// wrongCase is one edit of testdata/base.toml and the errors that follow from
// it. In a file of testdata/wrong its lines begin with "# " (the name), "- "
// (removed lines of the base), "+ " (lines in their place, or at the end) and "!
// " (errors).
type wrongCase struct {
	name             string
	remove, add, err []string
}

func TestWrongConfiguration(t *testing.T) {
	base, err := os.ReadFile("testdata/base.toml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/wrong/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		cases := readCases(t, file)
		for i := range cases {
			c := &cases[i]
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+c.name, func(t *testing.T) {
				got := loadErrors(t, map[string]string{"agent.toml": edited(t, string(base), c)})
				if *update {
					c.err = got
				}
				if len(c.err) == 0 {
					t.Error("the case expects no error")
				}
				if diff := cmp.Diff(c.err, got); diff != "" {
					t.Errorf("errors (-want +got):\n%s", diff)
				}
			})
		}
		if *update {
			writeCases(t, file, cases)
		}
	}
}

// loadErrors checks agent.toml from the files and returns the lines of the
// error, with names relative to the folder; nil without an error.
func loadErrors(t *testing.T, files map[string]string) []string {
	t.Helper()
	dir := writeFiles(t, files)
	_, err := Check(filepath.Join(dir, "agent.toml"))
	if len(err) == 0 {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""), "\n")
}

func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func edited(t *testing.T, base string, c *wrongCase) string {
	t.Helper()
	if len(c.remove) == 0 {
		return base + strings.Join(c.add, "\n") + "\n"
	}
	lines := strings.Split(base, "\n")
	for i, gone := range c.remove {
		at := slices.Index(lines, gone)
		if at < 0 {
			t.Fatalf("the base has no line %s", gone)
		}
		if lines = slices.Delete(lines, at, at+1); i == 0 {
			lines = slices.Insert(lines, at, c.add...)
		}
	}
	return strings.Join(lines, "\n")
}

func readCases(t *testing.T, file string) []wrongCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []wrongCase
	for n, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		kind, text, _ := strings.Cut(line, " ")
		if kind == "#" {
			cases = append(cases, wrongCase{name: text})
			continue
		}
		c := &cases[len(cases)-1]
		switch kind {
		case "-":
			c.remove = append(c.remove, text)
		case "+":
			c.add = append(c.add, text)
		case "!":
			c.err = append(c.err, text)
		case "":
		default:
			t.Fatalf("%s:%d: a line begins with %q", file, n+1, kind)
		}
	}
	return cases
}

func writeCases(t *testing.T, file string, cases []wrongCase) {
	t.Helper()
	var b strings.Builder
	for i, c := range cases {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("# " + c.name + "\n")
		for _, part := range []struct {
			mark  string
			lines []string
		}{{"- ", c.remove}, {"+ ", c.add}, {"! ", c.err}} {
			for _, line := range part.lines {
				b.WriteString(part.mark + line + "\n")
			}
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
