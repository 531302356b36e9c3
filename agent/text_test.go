package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownCase lists the files that may fold case as Unicode does, with the reason.
// Everywhere else names, DNs, attributes and values are compared by package
// text: by Unicode's rules U+017F is an s, and an OU spelled with it would pass
// for one in scope.
var ownCase = map[string]string{
	"agent/internal/control/socket_windows.go": "the name of a file on Windows",
	"agent/internal/expr/check.go":             "did you mean",
	"agent/internal/expr/functions_text.go":    "lower() and title() follow Unicode, as their users expect",
	"agent/internal/expr/nearmiss.go":          "words of other languages",
	"agent/internal/expr/translit.go":          "a table of spellings",
	"agent/internal/fit/application.go":        "hosts are ASCII by then",
	"agent/internal/fit/known.go":              "paths of URLs",
	"agent/internal/fit/reach.go":              "hosts are ASCII by then",
	"agent/internal/fit/suggest.go":            "did you mean",
	"agent/render_table.go":                    "the headers of our own tables",
}

var unicodeCase = regexp.MustCompile(`\b(strings|bytes)\.(EqualFold|ToLower)\b|\bunicode\.(SimpleFold|ToLower)\b|\bldap\.ParseDN\(`)

func TestTextsAreComparedInOneWay(t *testing.T) {
	unused := maps.Clone(ownCase)
	err := filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		name = path.Join("agent", filepath.ToSlash(name))
		source, err := os.ReadFile(strings.TrimPrefix(name, "agent/"))
		found := unicodeCase.FindString(string(source))
		if _, listed := ownCase[name]; found != "" && !listed && path.Dir(name) != comparing {
			t.Errorf("%s uses %s: text.Same and text.Lower compare, ident.ParseDN parses; or list the file here with its reason", name, found)
		}
		if found != "" {
			delete(unused, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range unused {
		t.Errorf("%s is listed and needs not be", name)
	}
}
