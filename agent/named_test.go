package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// namingForms are the forms in which texts name a command: between backticks, as a
// line of a script or of a code block, and, in sources, as a next step.
var namingForms = []*regexp.Regexp{
	regexp.MustCompile("`rollcall( [^`]+)`"),
	regexp.MustCompile(`(?m)^(?:[#$ ]{0,8}|ExecStart=/usr/bin/)(?:sudo )?rollcall( +(?:--[a-z]|[a-z]+(?: [A-Z/%-]| *[&>]|$)|(?:link|quarantine|secret|journal|connector|test|queue|orchestrations|service) [a-z]+).*)$`),
	regexp.MustCompile(`["'(: ]rollcall( (?:link|quarantine|secret|journal|connector|test|queue|service) [a-z]+| (?:validate|plan|apply|approve|reject|runs|authorize|undo|reload|explain|audit|suggest|macros|orchestrate)\b)`),
	regexp.MustCompile(`ident\.Command\("([a-z]{2}[^"]*)`),
}

// TestNamedCommandsExist: what an error, a manifest or a page tells a person to
// run can be run, with the flags that it names.
func TestNamedCommandsExist(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "testdata"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(file, "_test.go"), !namesCommands(file):
			return nil
		}
		text, err := os.ReadFile(file)
		for _, form := range namingForms {
			for _, m := range form.FindAllStringSubmatch(string(text), -1) {
				seen++
				if fault := commandFault(strings.TrimSpace(m[1])); fault != "" {
					t.Errorf("%s names the command rollcall %s: %s", file, strings.TrimSpace(m[1]), fault)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("found %d commands only: the patterns miss them", seen)
	}
}

func namesCommands(file string) bool {
	switch filepath.Ext(file) {
	case ".go", ".md", ".toml", ".service", ".sh", ".yml", ".yaml", ".json":
		return true
	}
	return filepath.Base(file) == "Makefile"
}

// commandFault says why a command line cannot be understood; "" when it can.
// Arguments that it leaves out are left to the reader.
func commandFault(line string) string {
	line = regexp.MustCompile(`[|;&>#].*`).ReplaceAllString(line, "") // a pipe, another command, a comment
	words := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(line))
	if len(words) > 0 && words[0] == "COMMAND" {
		words = words[1:]
	}
	root := (&cli{}).root()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil && !strings.HasPrefix(err.Error(), "flag needs an argument") {
		return err.Error()
	}
	if left := cmd.Flags().Args(); cmd.HasSubCommands() && len(left) > 0 {
		return "there is no " + cmd.CommandPath() + " " + left[0]
	}
	return ""
}

// TestUnknownCommandsAreSeen: the check would tell.
func TestUnknownCommandsAreSeen(t *testing.T) {
	for line, known := range map[string]bool{
		"plan AUTOMATION --out FILE": true, "--output json runs %d": true, "quarantine retry AUTOMATION [KEY]": true,
		"completion bash": true, "--version": true, "COMMAND --help": true, "journal export | python3 verify.py": true,
		"test endpoint APP/ENDPOINT": true, "test mapping DATA_SOURCE": true, "test mappings": false, "undo RUN": false, "reload": false,
		"plan AUTOMATION --accept": false, "link repair": false, "queue purge": false, "queue list": true,
	} {
		if fault := commandFault(line); (fault == "") != known {
			t.Errorf("rollcall %s: %q", line, fault)
		}
	}
}
