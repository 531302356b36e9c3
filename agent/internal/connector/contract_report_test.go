//go:build contract

package connector

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// deviation is where a specification contradicts itself or the vendor's other
// documents, so that what it says does not count.
type deviation struct {
	request   *regexp.Regexp // METHOD PATH?QUERY
	violation *regexp.Regexp
	why       string
}

var deviations = []deviation{
	{
		regexp.MustCompile(`^GET /api/v2/persons`), regexp.MustCompile(`^response/body/additional_data/next_cursor: .* must be string`),
		"Pipedrive types next_cursor as a text, and describes it as null on the last page",
	},
	{
		regexp.MustCompile(`^\w+ /api/v2/persons`), regexp.MustCompile(`^response/body/data/.*(org_id|picture_id|organization): .* must be (integer|object)`),
		"Pipedrive marks nothing as null, and a contact may be made without an organization and a picture: they are then null",
	},
	{
		regexp.MustCompile(`^\w+ /people/2/persons`), regexp.MustCompile(`^response/body/customAttributes/[^:]*: .* must be object`),
		"Infobip types each custom attribute as an object, and shows texts, numbers and true or false in its examples",
	},
	{
		regexp.MustCompile(`^\w+ /people/3/persons/upsert`), regexp.MustCompile(`^response/body/(errors|results): .* must be object`),
		"Infobip types errors and results of an upsert as one object each, and shows arrays in all of its examples",
	},
}

// blind is what a specification leaves so open that whatever passes says
// little.
var blind = []string{
	"Infobip models the list of people (GET /people/2/persons) as a single person, in which nothing is required: any object passes as an answer",
	"Infobip's specification has no /settings/1/accounts; requests to it are not checked",
	"Pipedrive models one permission set (GET /v1/permissionSets/{id}) without the envelope around it, and shows a list in its example: any object passes as an answer",
	"Pipedrive requires no member of a user, a role or a team: one that is missing, or that is too much, passes as an answer",
}

// report collects what the check finds.
type report struct {
	rows       []*row
	violations []string
	deviated   map[string]int // by reason
	unknown    map[string]int // requests that no specification has
}

func (r *report) violation(row *row, q request, what string) {
	for _, d := range deviations {
		if d.request.MatchString(q.method+" "+q.target()) && d.violation.MatchString(what) {
			if r.deviated == nil {
				r.deviated = map[string]int{}
			}
			r.deviated[d.why]++
			return
		}
	}
	line := fmt.Sprintf("%s %s: %s %s: %s", row.vendor, row.name, q.method, q.target(), what)
	const longest = 600
	if len(line) > longest {
		line = line[:longest] + "..."
	}
	if !slices.Contains(r.violations, line) {
		r.violations = append(r.violations, line)
	}
}

// beyond notes a request that no specification at hand has.
func (r *report) beyond(vendor string, q request) {
	if r.unknown == nil {
		r.unknown = map[string]int{}
	}
	r.unknown[vendor+" "+q.method+" "+q.path]++
}

func (r *report) print(w io.Writer) {
	var sum row
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "OPERATION\tREQUESTS\tANSWERS\tREFUSED BY BOTH\tONLY BY SPEC\tONLY BY SIMULATOR\tBY NEITHER\t")
	for _, o := range r.rows {
		failed := ""
		if o.failed {
			failed = "FAILED"
		}
		_, _ = fmt.Fprintf(t, "%s %s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", o.vendor, o.name, o.requests, o.answers, o.both, o.onlySpec, o.onlySim, o.neither, failed)
		sum.requests, sum.both, sum.onlySpec, sum.onlySim = sum.requests+o.requests, sum.both+o.both, sum.onlySpec+o.onlySpec, sum.onlySim+o.onlySim
	}
	_ = t.Flush()
	section(w, "Not in the specifications at hand:", countedLines(r.unknown))
	section(w, "Known deviations of the specifications:", countedLines(r.deviated))
	section(w, "What the specifications cannot tell:", blind)
	section(w, "Violations:", r.violations)
	_, _ = fmt.Fprintf(w, "\n%d operations, %d requests and their answers; mutations refused by both %d, only by the specification %d, only by the simulator %d; %d violations, %d known deviations\n",
		len(r.rows), sum.requests, sum.both, sum.onlySpec, sum.onlySim, len(r.violations), len(r.deviated))
}

func countedLines(m map[string]int) (lines []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("%s (%d)", k, m[k]))
	}
	return lines
}

func section(w io.Writer, title string, lines []string) {
	if len(lines) > 0 {
		_, _ = fmt.Fprintf(w, "\n%s\n  %s\n", title, strings.Join(lines, "\n  "))
	}
}
