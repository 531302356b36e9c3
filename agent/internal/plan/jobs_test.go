package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// jobs are the types of each job, by the files that belong to it: those whose
// name is the job's, or begins with it and an underscore.
var jobs = map[string][]string{
	"match":   {"matcher", "finding"},
	"diff":    {"differ", "handover"},
	"leavers": {"leaverPlanner"},
	"judge":   {"judge", "limiter", "sentence"},
}

// shareable are the files of what all jobs use. They know none of them.
var shareable = []string{"draft", "directory", "anchor", "next"}

// TestAJobKnowsNoOther: a job that names another's type could call it, and then
// the two could only be read together. They share the draft. The Builder alone
// knows them all, and is known to none.
func TestAJobKnowsNoOther(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	looked := map[string]bool{}
	for _, f := range files {
		name, isGo := strings.CutSuffix(f.Name(), ".go")
		job, _, _ := strings.Cut(name, "_")
		if _, known := jobs[job]; !isGo || strings.HasSuffix(name, "_test") || !known && !slices.Contains(shareable, job) {
			continue
		}
		looked[job] = true
		for _, other := range strangers(t, f.Name(), job) {
			t.Errorf("%s names %s: hand it over in the draft, or let the Builder do it", f.Name(), other)
		}
	}
	if len(looked) != len(jobs)+len(shareable) {
		t.Errorf("only %v have files", looked)
	}
}

// strangers lists the types in a file that belong to other jobs.
func strangers(t *testing.T, file, job string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{"Builder"}
	for other, types := range jobs {
		if other != job {
			foreign = append(foreign, types...)
		}
	}
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if id, is := n.(*ast.Ident); is && slices.Contains(foreign, id.Name) {
			found = append(found, id.Name)
		}
		return true
	})
	return found
}
