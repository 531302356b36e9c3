//go:build contract

package connector

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// specifications are the files that each vendor's requests are held against,
// by the start of the path.
var specifications = map[string][][2]string{
	"pipedrive": {{"/", "pipedrive-subset.yaml"}},
	"infobip":   {{"/people/", "infobip-people.json"}, {"/ccaas/", "infobip-agents.json"}},
}

// specified are the vendors, with the simulators reading open questions as
// the specifications do: no member is null, a deletion answers a text.
func specified() []vendor {
	return []vendor{pipedriveVendor(), infobipVendor(map[string]string{"null_members": "refused", "delete_body": "string"})}
}

// row is what came of one operation.
type row struct {
	vendor, name                     string
	requests, answers                int // held against the specification
	both, onlySpec, onlySim, neither int // mutations refused
	beyond                           int // requests that no specification at hand has
	failed                           bool
}

// contract holds every operation against the vendors' specifications.
type contract struct {
	vendor
	proxies map[string]*prism // by the start of the path
	front   *httptest.Server
	behind  *behind
	row     *row
	sent    []request
	report  *report
}

// TestContract is started by scripts/contract.sh.
func TestContract(t *testing.T) {
	apis, command := os.Getenv("APIS"), os.Getenv("PRISM")
	if apis == "" || command == "" {
		t.Fatal("APIS and PRISM are not set: run make contract")
	}
	r := &report{}
	t.Cleanup(func() { r.print(os.Stdout) })
	for _, v := range specified() {
		c := newContract(t, v, apis, command, r)
		m := manifestOf(t, v)
		for _, e := range m.Endpoints {
			t.Run(v.name+"/"+e.Name, func(t *testing.T) {
				c.begin(t, e.Name)
				s := newStage(t, v, c.serve)
				if prepare := v.endpoints[e.Name]; prepare != nil {
					prepare(s)
				}
				if _, err := s.fetch(e); err != nil {
					t.Error(err)
				}
			})
		}
		for _, w := range m.Webhooks {
			t.Run(v.name+"/"+w.Name, func(t *testing.T) {
				c.begin(t, w.Name)
				newStage(t, v, c.serve).deliver(w.Name, v.webhooks[w.Name])
				c.strict(t, v.webhooks[w.Name])
			})
		}
	}
	for _, o := range r.rows {
		if o.requests+o.beyond == 0 {
			t.Errorf("%s %s: no request was seen", o.vendor, o.name)
		}
	}
	if n := len(r.violations); n > 0 {
		t.Errorf("%d violations", n)
	}
}

func newContract(t *testing.T, v vendor, apis, command string, r *report) *contract {
	c := &contract{vendor: v, proxies: map[string]*prism{}, behind: &behind{}, report: r}
	upstream := httptest.NewServer(c.behind)
	t.Cleanup(upstream.Close)
	for _, s := range specifications[v.name] {
		c.proxies[s[0]] = startPrism(t, command, filepath.Join(apis, s[1]), upstream.URL)
	}
	c.front = httptest.NewServer(c)
	t.Cleanup(c.front.Close)
	return c
}

// begin starts the row of an operation.
func (c *contract) begin(t *testing.T, name string) {
	c.row, c.sent = &row{vendor: c.name, name: name}, nil
	c.report.rows = append(c.report.rows, c.row)
	row := c.row
	t.Cleanup(func() { row.failed = t.Failed() })
}

// serve lets the simulator of a stage stand behind prism.
func (c *contract) serve(h http.Handler) string {
	c.behind.now = h
	return c.front.URL
}

func (c *contract) proxy(path string) *prism {
	for start, p := range c.proxies {
		if strings.HasPrefix(path, start) {
			return p
		}
	}
	return nil
}

// ServeHTTP takes the connector's requests through prism. The connector gets
// the simulator's answer, whatever prism says of it.
func (c *contract) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	q := request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header, body}
	p := c.proxy(q.path)
	v := verdict{unknown: true}
	if p != nil {
		var err error
		if v, err = p.judge(c.behind, q); err != nil {
			c.report.violation(c.row, q, err.Error())
		}
	}
	switch {
	case v.unknown:
		c.row.beyond++
		c.report.beyond(c.name, q)
	default:
		c.row.requests++
		c.row.answers++
		for _, what := range slices.Concat(v.request, v.response) {
			c.report.violation(c.row, q, what)
		}
		if r.Method != http.MethodGet && !slices.ContainsFunc(c.sent, func(s request) bool { return s.method+s.target() == q.method+q.target() && bytes.Equal(s.body, q.body) }) {
			c.sent = append(c.sent, q)
		}
	}
	if c.behind.answer == nil || v.unknown || len(v.request) > 0 {
		direct := r.Clone(r.Context())
		direct.Body = io.NopCloser(bytes.NewReader(body))
		c.behind.answer = httptest.NewRecorder()
		c.behind.now.ServeHTTP(c.behind.answer, direct)
	}
	replay(w, c.behind.answer)
}

// strict wants the simulator to refuse what the specification refuses.
func (c *contract) strict(t *testing.T, o operation) {
	alone := func(r request) (status int, refused bool) {
		s := newStage(t, c.vendor, func(http.Handler) string { return "http://127.0.0.1:1" })
		if o.prepare != nil {
			o.prepare(s)
		}
		defer func() {
			if recover() != nil { // a simulator that falls over has not refused
				status, refused = http.StatusInternalServerError, false
			}
		}()
		status, answer := s.ask(r.method, r.target(), string(r.body))
		return status, status >= 400 && status < 500 || status == http.StatusMultiStatus && refusesItems(answer)
	}
	c.behind.now = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, sent := range c.sent {
		if status, refused := alone(sent); status > 299 || refused {
			c.report.violation(c.row, sent, fmt.Sprintf("sent alone, the simulator answered %d: its mutations say nothing", status))
			continue
		}
		for _, m := range mutations(sent) {
			v, err := c.proxy(m.path).judge(c.behind, m.request)
			if err != nil {
				c.report.violation(c.row, m.request, m.what+": "+err.Error())
				continue
			}
			status, sim := alone(m.request)
			spec := len(v.request) > 0
			switch {
			case spec && sim:
				c.row.both++
			case spec:
				c.row.onlySpec++
				c.report.violation(c.row, m.request, fmt.Sprintf("%s: refused by the specification (%s), the simulator answered %d", m.what, v.request[0], status))
			case sim:
				c.row.onlySim++
			default:
				c.row.neither++
			}
		}
	}
}

// refusesItems reports whether an answer to many at once refuses one.
func refusesItems(answer any) bool {
	if failed, _ := at(answer, "/errors").([]any); len(failed) > 0 {
		return true
	}
	results, _ := at(answer, "/results").([]any)
	return slices.ContainsFunc(results, func(r any) bool {
		failed, _ := at(r, "/errors").([]any)
		return len(failed) > 0
	})
}
