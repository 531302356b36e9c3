package sdktest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// bodies returns the given answers one after the other, whatever the request,
// and repeats the last one. It records the requests.
func bodies(t *testing.T, answers ...string) (h *sdktest.Host, asked *[]string) {
	t.Helper()
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.RawQuery)
		if len(*asked) > len(answers)+3 {
			t.Error("the pages are asked for without end")
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, answers[min(len(*asked), len(answers))-1])
	}))
	t.Cleanup(server.Close)
	return &sdktest.Host{URL: server.URL}, asked
}

// rows is a page of records, each "ID@TIME", between other members.
func rows(members string, records ...string) string {
	var list []string
	for _, r := range records {
		id, at, _ := strings.Cut(r, "@")
		list = append(list, `{"id":`+id+`,"at":"`+at+`"}`)
	}
	if members != "" {
		members += ","
	}
	return `{` + members + `"data":[` + strings.Join(list, ",") + `]}`
}

func numbered() sdk.Numbered {
	return sdk.Numbered{Totals: []string{"/total", "/paging/total"}, Limits: []string{"/limit", "/paging/limit"}, Ordered: "/at"}
}

func inTwos() abi.Endpoint {
	return abi.Endpoint{Path: "/list", Records: "/data", Key: "/id", Repeat: abi.Repeat{Style: abi.RepeatPage, Param: "page", LimitParam: "limit", Limit: 2}}
}

func keys(h *sdktest.Host) string {
	var all []string
	for _, r := range h.Records {
		all = append(all, r.Key)
	}
	return strings.Join(all, " ")
}

func TestNumberedPages(t *testing.T) {
	for name, c := range map[string]struct {
		pages []string
		keys  string
		asked int
	}{
		"nothing beside the list":          {[]string{rows("", "1@1", "2@2"), rows("", "3@3")}, "1 2 3", 2},
		"the last page is full":            {[]string{rows("", "1@1", "2@2"), rows("")}, "1 2", 2},
		"an empty list":                    {[]string{rows("")}, "", 1},
		"an empty list, announced":         {[]string{rows(`"total":0`)}, "", 1},
		"announced":                        {[]string{rows(`"total":3`, "1@1", "2@2"), rows(`"total":3`, "3@3")}, "1 2 3", 2},
		"announced elsewhere":              {[]string{rows(`"paging":{"total":2}`, "1@1"), rows(`"paging":{"total":2}`, "2@2")}, "1 2", 2},
		"announced as text":                {[]string{rows(`"total":"2"`, "1@1"), rows(`"total":"2"`, "2@2")}, "1 2", 2},
		"announced by one page only":       {[]string{rows(`"total":3`, "1@1", "2@2"), rows("", "3@3")}, "1 2 3", 2},
		"announced as null":                {[]string{rows(`"total":null`, "1@1")}, "1", 1},
		"not counted":                      {[]string{rows(`"total":-1`, "1@1", "2@2"), rows(`"total":-1`, "3@3")}, "1 2 3", 2},
		"more than announced":              {[]string{rows(`"total":1`, "1@1", "2@2"), rows(`"total":1`, "3@3")}, "1 2 3", 2},
		"somebody is added":                {[]string{rows(`"total":2`, "1@1", "2@2"), rows(`"total":3`, "3@3")}, "1 2 3", 2},
		"the page shrinks, announced":      {[]string{rows(`"total":4`, "1@1", "2@2"), rows(`"total":4`, "3@3"), rows(`"total":4`, "4@4")}, "1 2 3 4", 3},
		"pages are smaller, it says":       {[]string{rows(`"limit":1`, "1@1"), rows(`"limit":1`, "2@2"), rows(`"limit":1`)}, "1 2", 3},
		"pages are smaller, it says below": {[]string{rows(`"paging":{"limit":1}`, "1@1"), rows(`"paging":{"limit":1}`)}, "1", 2},
		"the size is said to be 0":         {[]string{rows(`"limit":0`, "1@1")}, "1", 1},
		"the array itself":                 {[]string{` [{"id":1,"at":"1"},{"id":2,"at":"2"}]`, `[{"id":3,"at":"3"}]`}, "1 2 3", 2},
		"an empty array":                   {[]string{`[]`}, "", 1},
		"one time over pages":              {[]string{rows("", "1@1", "2@1"), rows("", "3@1", "4@1"), rows("", "5@2")}, "1 2 3 4 5", 3},
		"nobody has a time":                {[]string{`{"data":[{"id":1},{"id":2}]}`, `{"data":[{"id":3}]}`}, "1 2 3", 2},
		"a later record comes again":       {[]string{rows("", "1@1", "2@2"), rows("", "3@3", "4@4"), rows("", "1@5")}, "1 2 3 4 1", 3},
	} {
		t.Run(name, func(t *testing.T) {
			h, asked := bodies(t, c.pages...)
			err := h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}, inTwos())
			if err != nil || keys(h) != c.keys || len(*asked) != c.asked {
				t.Errorf("got %q, asked %q, %v", keys(h), *asked, err)
			}
		})
	}
}

// badTexts is a host that reports every time "bad" as bad text.
type badTexts struct{ *sdktest.Host }

func (h badTexts) JSONGet(handle int64, pointer string, buf []byte) int64 {
	n := h.Host.JSONGet(handle, pointer, buf)
	if n > 0 && string(buf[:min(n, int64(len(buf)))]) == `"bad"` {
		return int64(abi.CodeNotJSON)
	}
	return n
}

func TestBadTextSaysNothingAboutTheOrder(t *testing.T) {
	for name, c := range map[string]struct {
		pages []string
		fails string
	}{
		"first on a page":        {[]string{rows("", "1@1", "2@2"), rows("", "3@bad", "4@4"), rows("", "5@5")}, ""},
		"last on a page":         {[]string{rows("", "1@1", "2@bad"), rows("", "3@3", "4@4"), rows("", "5@5")}, ""},
		"and the order is wrong": {[]string{rows("", "0@1", "1@5"), rows("", "2@6", "3@bad"), rows("", "4@4")}, "not in the order that was asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := bodies(t, c.pages...)
			err := h.Fetch(sdk.Connector{Fetch: func(*sdk.Call) error {
				sdk.Run(badTexts{h}, sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }})
				return nil
			}}, inTwos())
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q, %v", keys(h), err)
			}
		})
	}
}

func TestNumberedPagesThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		pages   []string
		message string
	}{
		"a page repeats":            {[]string{rows("", "1@1", "2@2")}, `starts with record "1" as the one before`},
		"the array repeats":         {[]string{`[{"id":1,"at":"1"},{"id":2,"at":"2"}]`}, "the same page came twice"},
		"fewer than announced":      {[]string{rows(`"total":5`, "1@1", "2@2"), rows(`"total":5`)}, "hold 2 records, and 5 are announced"},
		"announced, and none there": {[]string{rows(`"total":5`)}, "hold 0 records, and 5 are announced"},
		"the second place announces": {
			[]string{rows(`"paging":{"total":3}`, "1@1", "2@2"), rows(`"paging":{"total":3}`)}, "hold 2 records, and 3 are announced",
		},
		"the announced number falls": {[]string{rows(`"total":4`, "1@1", "2@2"), rows(`"total":3`, "4@4")}, "3 records are announced after 4"},
		"the order is broken":        {[]string{rows("", "1@1", "4@4"), rows("", "3@3")}, `a page starts with at "3" and the one before ends with "4"`},
		"a time is missing":          {[]string{rows("", "1@1", "2@2"), `{"data":[{"id":3}]}`}, `starts with at ""`},
		"on two pages":               {[]string{rows("", "1@1", "2@2"), rows("", "3@2", "2@2")}, `record "2" is on two pages`},
		"a middle one on two pages":  {[]string{rows("", "1@1", "2@1"), rows("", "3@1", "1@1")}, `record "1" is on two pages`},
		"on two pages of three":      {[]string{rows("", "1@1", "2@1"), rows("", "3@1", "4@1"), rows("", "2@1")}, `record "2" is on two pages`},
		"a single record":            {[]string{`{"id":7,"at":"1"}`}, `the answer is a single record (id "7"), not a list`},
		"another answer":             {[]string{`{"users":[]}`}, `"/data"`},
		"an object as list":          {[]string{`{"data":{}}`}, "an object"},
		"no JSON":                    {[]string{`<html>`}, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := bodies(t, c.pages...)
			err := h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}, inTwos())
			fails(t, err, abi.KindBadResponse, "GET /list: ", c.message)
		})
	}
}

func fails(t *testing.T, err error, kind abi.Kind, texts ...string) {
	t.Helper()
	var failed *sdktest.Error
	if !errors.As(err, &failed) || failed.Kind != kind {
		t.Fatalf("want %v, got %v", kind, err)
	}
	for _, text := range texts {
		if !strings.Contains(failed.Message, text) {
			t.Errorf("%q is not in: %s", text, failed.Message)
		}
	}
}

func TestNumberedAsksForPages(t *testing.T) {
	zero := 0
	for name, c := range map[string]struct {
		change func(*abi.Endpoint)
		asked  string
	}{
		"from one":             {func(*abi.Endpoint) {}, "limit=2&page=1 limit=2&page=2"},
		"from zero":            {func(e *abi.Endpoint) { e.Repeat.First = &zero }, "limit=2&page=0 limit=2&page=1"},
		"from a param":         {func(e *abi.Endpoint) { e.Params = map[string]string{"page": "7"} }, "limit=2&page=7 limit=2&page=8"},
		"of a param's size":    {func(e *abi.Endpoint) { e.Params = map[string]string{"limit": "3"} }, "limit=3&page=1"},
		"until one is empty":   {func(e *abi.Endpoint) { e.Repeat.LimitParam, e.Repeat.Limit = "", 0 }, "page=1 page=2 page=3"},
		"of a size in letters": {func(e *abi.Endpoint) { e.Params = map[string]string{"limit": "all"} }, "limit=all&page=1 limit=all&page=2 limit=all&page=3"},
	} {
		h, asked := bodies(t, rows("", "1@1", "2@2"), rows("", "3@3"), rows(""))
		e := inTwos()
		c.change(&e)
		err := h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}, e)
		if got := strings.Join(*asked, " "); err != nil || got != c.asked {
			t.Errorf("%s: asked %q, want %q, %v", name, got, c.asked, err)
		}
	}
	for _, page := range []string{"-1", "first"} {
		h, asked := bodies(t, rows(""))
		e := inTwos()
		e.Params = map[string]string{"page": page}
		err := h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}, e)
		fails(t, err, abi.KindConfig, `page = "`+page+`" is not the number of a page`)
		if len(*asked) != 0 {
			t.Errorf("page %s was asked for: %q", page, *asked)
		}
	}
}

// Without an order, only a page that repeats can be noticed.
func TestNumberedWithoutAnOrder(t *testing.T) {
	h, _ := bodies(t, rows("", "1@9", "2@9"), rows("", "3@1"))
	err := h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return sdk.Numbered{}.Pages(c, nil) }}, inTwos())
	if err != nil || keys(h) != "1 2 3" {
		t.Errorf("got %q, %v", keys(h), err)
	}
	h, _ = bodies(t, rows("", "1@9", "2@9"))
	err = h.Fetch(sdk.Connector{Fetch: func(c *sdk.Call) error { return sdk.Numbered{}.Pages(c, nil) }}, inTwos())
	fails(t, err, abi.KindBadResponse, "the same page came twice")
}

// The record may be below the element of the list.
func TestNumberedFindsRecords(t *testing.T) {
	page := func(id, at string) string { return `{"data":[{"user":{"id":"` + id + `","at":"` + at + `"}}]}` }
	e := inTwos()
	e.Record, e.Repeat.Limit = "/user", 1
	h, _ := bodies(t, page("1", "1"), page("2", "2"), `{"data":[]}`)
	connector := sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}
	if err := h.Fetch(connector, e); err != nil || keys(h) != "1 2" {
		t.Errorf("got %q, %v", keys(h), err)
	}
	h, _ = bodies(t, page("1", "1"), page("2", "1"), page("1", "1"))
	fails(t, h.Fetch(connector, e), abi.KindBadResponse, `record "1" is on two pages`)
}

// cut is a host that cannot read a body to its end.
type cut struct {
	*sdktest.Host
	kind abi.Kind
}

func (c *cut) Emit(int64, string, string, int32) int64 { return int64(abi.CodeNetwork) }
func (c *cut) Fail(kind abi.Kind, _ string)            { c.kind = kind }
func (c *cut) CallInput(buf []byte) int64 {
	e := inTwos()
	b, _ := json.Marshal(abi.Call{Function: abi.FunctionFetch, Endpoint: &e})
	return int64(copy(buf, b))
}

// An answer that is cut is no answer, not a wrong one.
func TestNumberedTellsACutAnswer(t *testing.T) {
	h, _ := bodies(t, rows("", "1@1"))
	if err := h.Fetch(sdk.Connector{Fetch: func(*sdk.Call) error { return nil }}, inTwos()); err != nil {
		t.Fatal(err)
	}
	c := &cut{Host: h}
	if sdk.Run(c, sdk.Connector{Fetch: func(c *sdk.Call) error { return numbered().Pages(c, nil) }}) == 0 || c.kind != abi.KindUnavailable {
		t.Errorf("a cut answer is %v", c.kind)
	}
}
