package engine

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// follows counts the orchestrations that begin when everything is applied that
// the limits let through. Of an exchange only the second operation counts, as in
// the run.
func follows(changes []ident.Change, starts map[ident.Class][]string) []ident.Follow {
	counts := map[ident.Class]int{}
	for _, c := range changes {
		for _, op := range c.Operations {
			if op.Verdict == ident.VerdictApply && !op.Aside {
				counts[op.Class]++
			}
		}
	}
	var out []ident.Follow
	for _, class := range ident.Classes {
		for _, name := range starts[class] {
			if n := counts[class]; n > 0 {
				out = append(out, ident.Follow{Orchestration: name, Class: class, Count: n})
			}
		}
	}
	return out
}
