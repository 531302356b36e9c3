package main

import (
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The expressions of the alerts and of the table in docs/operate.md are kept to
// what is evaluated here, which is a small part of PromQL:
//
//	[time() - ] METRIC [{LABEL = | != | =~ | !~ "VALUE", ...}] == | > | < NUMBER
//
// Prometheus' own engine would be a dependency larger than the agent. What is
// evaluated is a scrape, at one moment; that something must last for a while is
// read and not waited for.

// sample is one line of a scrape.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	sampleForm   = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelForm    = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
	selectorForm = regexp.MustCompile(`^(time\(\) - )?([a-z_]+)(?:\{([^}]*)\})? (==|>|<) (-?[0-9]+)$`)
	matcherForm  = regexp.MustCompile(`^([a-z_]+)(=~|!~|!=|=)"([^"]*)"$`)
)

// scrape reads a page of metrics.
func scrape(t testing.TB, page string) []sample {
	t.Helper()
	var samples []sample
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := sampleForm.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not a sample: %s", line)
		}
		s := sample{name: m[1], labels: map[string]string{}, value: number(t, m[3])}
		for _, l := range labelForm.FindAllStringSubmatch(m[2], -1) {
			s.labels[l[1]] = l[2]
		}
		samples = append(samples, s)
	}
	return samples
}

// holds evaluates an expression: it is true when it holds for some sample.
func holds(t testing.TB, expression string, samples []sample, now time.Time) bool {
	t.Helper()
	m := selectorForm.FindStringSubmatch(expression)
	if m == nil {
		t.Fatalf("the expression %q is not one that can be evaluated here", expression)
	}
	matches := matcher(t, m[3])
	limit := number(t, m[5])
	return slices.ContainsFunc(samples, func(s sample) bool {
		if s.name != m[2] || !matches(s.labels) {
			return false
		}
		value := s.value
		if m[1] != "" {
			value = float64(now.UnixMilli())/1000 - value
		}
		switch m[4] {
		case ">":
			return value > limit
		case "<":
			return value < limit
		}
		return math.Abs(value-limit) < 1e-9
	})
}

func matcher(t testing.TB, text string) func(map[string]string) bool {
	t.Helper()
	var tests []func(map[string]string) bool
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		m := matcherForm.FindStringSubmatch(part)
		if m == nil {
			t.Fatalf("not a matcher of a label: %s", part)
		}
		want := regexp.MustCompile("^(?:" + m[3] + ")$")
		if m[2] == "=" || m[2] == "!=" {
			want = regexp.MustCompile("^" + regexp.QuoteMeta(m[3]) + "$")
		}
		tests = append(tests, func(labels map[string]string) bool {
			return want.MatchString(labels[m[1]]) == !strings.HasPrefix(m[2], "!")
		})
	}
	return func(labels map[string]string) bool {
		return !slices.ContainsFunc(tests, func(is func(map[string]string) bool) bool { return !is(labels) })
	}
}

// rules reads the rules file: the expressions by the names of the alerts. Every
// line is of a form that is known, so that nothing is skipped.
func rules(t testing.TB, text string) map[string]string {
	t.Helper()
	found := map[string]string{}
	name := ""
	var seen []string // of the rule under way
	finish := func() {
		if name != "" && !slices.Equal(seen, []string{"expr", "for", "labels", "annotations"}) {
			t.Errorf("the alert %s has %q", name, seen)
		}
		seen = nil
	}
	form := regexp.MustCompile(`^        (expr|for|labels|annotations): (\S.*)$`)
	values := map[string]*regexp.Regexp{
		"expr": selectorForm, "for": regexp.MustCompile(`^[1-9][0-9]*[mhd]$`),
		"labels":      regexp.MustCompile(`^\{ severity: (critical|warning|info) \}$`),
		"annotations": regexp.MustCompile(`^\{ summary: "[^"]+" \}$`),
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if alert, is := strings.CutPrefix(line, "      - alert: "); is {
			finish()
			name = alert
			continue
		}
		if m := form.FindStringSubmatch(line); m != nil && name != "" {
			seen = append(seen, m[1])
			if !values[m[1]].MatchString(m[2]) {
				t.Errorf("the alert %s has %s: %s", name, m[1], m[2])
			}
			if m[1] == "expr" {
				found[name] = m[2]
			}
			continue
		}
		if line != "" && !strings.HasPrefix(line, "#") && !slices.Contains([]string{"groups:", "  - name: rollcall", "    rules:"}, line) {
			t.Errorf("a line of an unknown form: %q", line)
		}
	}
	finish()
	return found
}

// firing names the alerts whose expressions hold.
func firing(t testing.TB, alerts map[string]string, samples []sample, now time.Time) []string {
	t.Helper()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(alerts)) {
		if holds(t, alerts[name], samples, now) {
			names = append(names, name)
		}
	}
	return names
}

// TestTheRulesFileIsInThePage: the page shows what is shipped.
func TestTheRulesFileIsInThePage(t *testing.T) {
	shown := fences(t, "yaml")
	if len(shown) != 1 || shown[0].info != "yaml configs/alerts.yml" || shown[0].text != read(t, "../configs/alerts.yml") {
		t.Errorf("docs/operate.md does not show configs/alerts.yml as it is")
	}
}

// TestExpressionsOfAlerts evaluates each part of the small language.
func TestExpressionsOfAlerts(t *testing.T) {
	samples := scrape(t, "# HELP x y\nup{job=\"a\"} 0\nx{job=\"a\",r=\"one\"} 1\nx{job=\"b\",r=\"two\"} 5\nseconds 1e+03\n")
	for expression, want := range map[string]bool{
		`up == 0`: true, `up{job="a"} == 0`: true, `up{job="b"} == 0`: false, `missing > 0`: false,
		`x{r=~"one|three"} == 1`: true, `x{r=~"on"} == 1`: false, `x{r!="one"} > 4`: true, `x{job="a",r!~"o.*"} > 0`: false, `x < 1`: false,
		`time() - seconds > 60`: true, `time() - seconds > 61`: false,
		`time() - seconds > -60`: true, `x > -1`: true, `x < -1`: false,
	} {
		if got := holds(t, expression, samples, time.Unix(1061, 0)); got != want {
			t.Errorf("%s: %v", expression, got)
		}
	}
}

// column cuts a row of a table in Markdown into its cells.
func column(line string) []string {
	var cells []string
	for cell := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|"), "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}

// situation is a row of the table "How runs end".
type situation struct {
	name, result, exit, success string
	metrics, alerts             []string
	part                        bool // the result is not that of a run of the whole
}

var quoted = regexp.MustCompile("`([^`]+)`")

// situations reads the table of docs/operate.md.
func situations(t testing.TB) []situation {
	t.Helper()
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| situation | result | exit code | last success | metric | alert |\n|---|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("docs/operate.md has no table of situations")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []situation
	for line := range strings.Lines(table + "\n") {
		cells := column(line)
		if len(cells) != 6 {
			t.Fatalf("%d cells: %q", len(cells), line)
		}
		row := situation{name: cells[0], exit: cells[2], success: cells[3], part: strings.HasPrefix(cells[1], "of ")}
		if m := quoted.FindStringSubmatch(cells[1]); m != nil {
			row.result = m[1]
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[4], -1) {
			row.metrics = append(row.metrics, m[1])
		}
		at, _, _ := strings.Cut(cells[5], ";")
		for name := range strings.SplitSeq(at, ", ") {
			if name != "" {
				row.alerts = append(row.alerts, name)
			}
		}
		slices.Sort(row.alerts)
		rows = append(rows, row)
	}
	return rows
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
