package fit

import (
	"reflect"
	"testing"

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
		got, err := endpointOf(&config.Config{}, app, config.DataSource{Endpoints: []string{"users"}}, m)
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
	got, err := endpointOf(&config.Config{}, conf, config.DataSource{Endpoints: []string{"users"}}, m)
	if err != nil || !got.Keyed || got.Cost != 20 || got.Endpoint.Path != "/users" {
		t.Errorf("got %+v, %v", got, err)
	}
}
