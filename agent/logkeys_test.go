package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// firstKey tells, for each function that takes the keys of a log line, which
// argument may be the first of them.
var firstKey = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0, "Log": 3,
	"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2,
}

// attrs are the functions of slog that make a key with its value.
var attrs = []string{"String", "Int", "Int64", "Uint64", "Float64", "Bool", "Time", "Duration", "Any"}

// Lines of the log speak of the same thing by the same key, whoever writes
// them, so that one search finds all: CONTRIBUTING.md lists the keys.
func TestLogKeysAreListed(t *testing.T) {
	listed := listedKeys(t)
	used := map[string]bool{}
	for _, root := range []string{".", "../host"} {
		eachSource(t, root, func(set *token.FileSet, file *ast.File) {
			for _, k := range logKeys(file) {
				if used[k.name] = true; !listed[k.name] {
					t.Errorf("%s: the log key %q is not one of those in CONTRIBUTING.md", set.Position(k.at), k.name)
				}
			}
			for _, at := range loggersByOtherNames(file) {
				t.Errorf("%s: call a logger log or Log, so that its keys are checked", set.Position(at))
			}
		})
	}
	for k := range listed {
		if !used[k] {
			t.Errorf("CONTRIBUTING.md lists the log key %q, which no line has", k)
		}
	}
}

// Each way to write a key is seen; what is no log is not.
func TestLogKeysAreFound(t *testing.T) {
	for source, want := range map[string]string{
		`log.Info("x", "a", 1, "b", 2)`:                              "a b",
		`e.Log.Log(ctx, level, "x", "a", b, "c", d)`:                 "a c",
		`h.host.log.With("a", 1)`:                                    "a",
		`slog.ErrorContext(ctx, "x", slog.Int("a", 1))`:              "a",
		`log.Warn("x", slog.Group("a", "b", 1), "c", 2)`:             "c a b",
		`log.Error("x", append([]any{"a", 1, "b", 2}, about...)...)`: "a b",
		`rescue.Do(log, do, "a", 1)`:                                 "a",
		`log.Info("x", key, 1)`:                                      "key",
		`log.Info("x", "a")`:                                         "a",
		`http.Error(w, "x", code)`:                                   "",
		`p.Info("x", "a", 1)`:                                        "",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func f() { "+source+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range logKeys(file) {
			names = append(names, k.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: found %q, not %q", source, got, want)
		}
	}
}

func listedKeys(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Log keys\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9_]+`(?:, )?)+) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			listed[strings.Trim(name, "`")] = true
		}
	}
	if len(listed) == 0 {
		t.Fatal("CONTRIBUTING.md lists no log keys")
	}
	return listed
}

// eachSource parses every file below root that is compiled into a program.
func eachSource(t *testing.T, root string, visit func(*token.FileSet, *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err == nil {
			visit(set, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type logKey struct {
	name string
	at   token.Pos
}

// logKeys finds the keys that the calls of a file give to a log.
func logKeys(file *ast.File) []logKey {
	var keys []logKey
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, name := lastName(function.X), function.Sel.Name
		first, logs := firstKey[name]
		switch {
		case logs && isLogger(of) && len(call.Args) > first:
			keys = append(keys, keysOf(call.Args[first:])...)
		case of == "rescue" && name == "Do" && len(call.Args) > 2:
			keys = append(keys, keysOf(call.Args[2:])...)
		case of == "slog" && name == "Group" && len(call.Args) > 0:
			keys = append(keys, keyOf(call.Args[0]))
			keys = append(keys, keysOf(call.Args[1:])...)
		case of == "slog" && slices.Contains(attrs, name) && len(call.Args) > 0:
			keys = append(keys, keyOf(call.Args[0]))
		}
		return true
	})
	return keys
}

func isLogger(name string) bool { return name == "log" || name == "Log" || name == "slog" }

// keysOf reads key, value, key, value; a slog.Attr stands for both, and is
// found by itself.
func keysOf(args []ast.Expr) []logKey {
	var keys []logKey
	for i := 0; i < len(args); i++ {
		call, isCall := args[i].(*ast.CallExpr)
		if !isCall {
			keys = append(keys, keyOf(args[i]))
			i++ // its value
			continue
		}
		if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "append" {
			if list, ok := call.Args[0].(*ast.CompositeLit); ok {
				keys = append(keys, keysOf(list.Elts)...)
			}
		}
	}
	return keys
}

func keyOf(e ast.Expr) logKey {
	if literal, ok := e.(*ast.BasicLit); ok {
		name, _ := strconv.Unquote(literal.Value)
		return logKey{name, e.Pos()}
	}
	return logKey{lastName(e), e.Pos()}
}

// loggersByOtherNames finds fields, parameters and variables that are loggers
// and are not called so.
func loggersByOtherNames(file *ast.File) []token.Pos {
	var found []token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		var names []*ast.Ident
		var kind ast.Expr
		switch n := n.(type) {
		case *ast.Field:
			names, kind = n.Names, n.Type
		case *ast.ValueSpec:
			names, kind = n.Names, n.Type
		}
		pointer, ok := kind.(*ast.StarExpr)
		if !ok {
			return true
		}
		if s, ok := pointer.X.(*ast.SelectorExpr); !ok || lastName(s.X) != "slog" || s.Sel.Name != "Logger" {
			return true
		}
		for _, name := range names {
			if !isLogger(name.Name) && name.Name != "_" {
				found = append(found, name.Pos())
			}
		}
		return true
	})
	return found
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
