package fit

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestRepeatWithoutStyleKeepsTheConnectorsPaging checks that raising the number
// of empty pages does not end the fetch after the first page: all users beyond
// it would count as missing.
func TestRepeatWithoutStyleKeepsTheConnectorsPaging(t *testing.T) {
	m := acme()
	cursor := abi.Repeat{Style: abi.RepeatCursor, Param: "c", Next: "/next", MaxEmpty: 200}
	m.Endpoints = []abi.Endpoint{{Name: "users", Path: "/users", Key: "/id", Repeat: cursor}}
	m.Normalize()
	more := cursor
	more.MaxEmpty = 300
	for name, c := range map[string]struct {
		set  config.Repeat
		want abi.Repeat
	}{
		"nothing":             {config.Repeat{}, cursor},
		"max_empty alone":     {config.Repeat{MaxEmpty: 300}, more},
		"another paging":      {config.Repeat{Style: config.RepeatPage, Param: "p"}, abi.Repeat{Style: abi.RepeatPage, Param: "p", MaxEmpty: 200}},
		"another, with both":  {config.Repeat{Style: config.RepeatPage, Param: "p", MaxEmpty: 7}, abi.Repeat{Style: abi.RepeatPage, Param: "p", MaxEmpty: 7}},
		"one page, when said": {config.Repeat{Style: config.RepeatNone}, abi.Repeat{Style: abi.RepeatNone, MaxEmpty: 200}},
	} {
		app := config.Application{Name: "x", Endpoints: map[string]config.Endpoint{"users": {Repeat: &c.set}}}
		got, err := endpointOf(&config.Config{}, app, config.DataSource{}, "users", m)
		if err != nil || !reflect.DeepEqual(got.Repeat, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got.Repeat, err, c.want)
		}
	}
}

func TestEndpointTakesKeyedAndCost(t *testing.T) {
	m := acme()
	m.Endpoints = []abi.Endpoint{{Name: "users", Path: "/users", Key: "/id"}}
	m.Normalize()
	keyed, cost := true, 20
	conf := config.Application{Name: "x", Endpoints: map[string]config.Endpoint{"users": {Keyed: &keyed, Cost: &cost}}}
	got, err := endpointOf(&config.Config{}, conf, config.DataSource{}, "users", m)
	if err != nil || !got.Keyed || got.Cost != 20 || got.Endpoint.Path != "/users" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestOne checks that the manifest's request for a single record counts only
// while the endpoint delivers what the manifest says: otherwise a run for single
// users could make an account that the next whole run finds missing.
func TestOne(t *testing.T) {
	m := acme()
	m.Endpoints = []abi.Endpoint{
		{Name: "users", Path: "/users", Key: "/id", Params: map[string]string{"limit": "30", "sort": "id"}, One: &abi.One{Path: "/users/{{ key }}", Records: "/data", Cost: 2}},
		{Name: "roles", Path: "/roles", Key: "/id"},
	}
	m.Normalize()
	text := func(s string) *config.Text { return &config.Text{Text: s} }
	params := func(name, value string) map[string]config.Text { return map[string]config.Text{name: {Text: value}} }
	str := func(s string) *string { return &s }
	post := config.MethodPost
	own := &config.One{Path: text("/u/{{ key }}"), Records: "/user"}
	for name, c := range map[string]struct {
		endpoint string
		change   config.Endpoint
		want     string // the path for the key "a/b", or a part of the reason
	}{
		"the manifest's":  {"users", config.Endpoint{}, "/users/a%2Fb"},
		"page size":       {"users", config.Endpoint{Params: params("limit", "500")}, "/users/a%2Fb"},
		"as it was":       {"users", config.Endpoint{Path: text("/users"), Records: str("")}, "/users/a%2Fb"},
		"a filter":        {"users", config.Endpoint{Params: params("filter_id", "4")}, "the parameter filter_id"},
		"another order":   {"users", config.Endpoint{Params: params("sort", "name")}, "the parameter sort"},
		"another address": {"users", config.Endpoint{Path: text("/people")}, "the address"},
		"another URL":     {"users", config.Endpoint{URL: text("https://api.acme.example/people")}, "the address"},
		"another method":  {"users", config.Endpoint{Method: &post}, "method or body"},
		"another place":   {"users", config.Endpoint{Records: str("/people")}, "the place of the records"},
		"another record":  {"users", config.Endpoint{Record: str("/user")}, "the place of the records"},
		"another key":     {"users", config.Endpoint{Key: str("/uuid")}, "the key"},
		"own":             {"users", config.Endpoint{Path: text("/people"), One: own}, "/u/a%2Fb"},
		"none":            {"roles", config.Endpoint{}, "says how to ask for a single record"},
		"own for none":    {"roles", config.Endpoint{One: own}, "/u/a%2Fb"},
	} {
		app := config.Application{Name: "x", Endpoints: map[string]config.Endpoint{c.endpoint: c.change}}
		got, err := endpointOf(&config.Config{}, app, config.DataSource{}, c.endpoint, m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.One == nil {
			if !strings.Contains(got.NoOne, c.want) {
				t.Errorf("%s: %q, want %q", name, got.NoOne, c.want)
			}
			continue
		}
		call, err := got.For("a/b", time.Now(), nil)
		if err != nil || call.Path != c.want || !call.Single || call.Key != got.Key || call.Repeat.Style != "" || call.Mode != abi.ModeFull {
			t.Errorf("%s: %+v, %v; want %s", name, call, err, c.want)
		}
	}
}
