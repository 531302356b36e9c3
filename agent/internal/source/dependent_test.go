package source

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// grants is an endpoint that is called for each record of users; key is a template, "" for
// none.
func grants(t *testing.T, key string) endpoint.Endpoint {
	t.Helper()
	return grantsUntil(t, key, nil)
}

// grantsUntil is grants with changed; nil for none.
func grantsUntil(t *testing.T, key string, changed *expr.Source) endpoint.Endpoint {
	t.Helper()
	scope := expr.NewScope("settings", "now", "last_success", expr.NameParent)
	path, err := scope.Template(expr.Source{Text: "/of/{{ parent.uuid }}/{{ settings.team }}"}, expr.EscapePath)
	if err != nil {
		t.Fatal(err)
	}
	e := endpoint.Endpoint{Endpoint: abi.Endpoint{Name: "grants", Records: "/data", Key: "/id"}, Path: path}
	var own *expr.Source
	if key != "" {
		own = &expr.Source{Text: key}
	}
	if e.Each, err = endpoint.CompileEach("users", e, own, changed, scope); err != nil {
		t.Fatal(err)
	}
	return e
}

// What is fetched for a parent comes under the parent's key, whatever key it has itself,
// and only if key names nobody else.
func TestFetchFor(t *testing.T) {
	parent := ident.Record{Endpoint: "users", Key: "7", Number: "7", Fields: map[string]any{"id": 7, "uuid": "a b", "boss": "8"}}
	for name, c := range map[string]struct {
		key     string
		records int
		more    []host.Record
		got     string
		wrong   string
	}{
		"one":              {"", 1, nil, "7 7 map[id:0]; ", ""},
		"none":             {"", 0, nil, "", ""},
		"many":             {"", 5, nil, "7 7 map[id:0]; 7 7 map[id:1]; ", ""},
		"more than a page": {"", batchSize * 2, nil, "7 7 map[id:0]; 7 7 map[id:1]; ", ""},
		"its key":          {"{{ parent.id }}", 1, nil, "7 7 map[id:0]; ", ""},
		"a number's key":   {"{{ parent.id }}.0", 1, nil, "7 7 map[id:0]; ", ""},
		"somebody else's":  {"{{ parent.boss }}", 1, nil, "", `key gives "8", and the record of endpoint users has the key "7"`},
		"no such field":    {"{{ parent.none }}", 1, nil, "", "key has no value"},
		"unusable":         {"", 0, []host.Record{{Problem: "half a letter"}}, "7 7 map[] half a letter (endpoint grants); ", ""},
		"a deletion":       {"", 0, []host.Record{{Key: "9", Deleted: true}}, "7 7 map[] the connector reports a deletion or attaches something, and a dependent endpoint takes records alone; ", ""},
	} {
		api := &connector{records: c.records, more: c.more}
		records, err := newSource(api, grants(t, c.key)).FetchFor(t.Context(), parent)
		got := ""
		for _, r := range records {
			got += strings.TrimSpace(fmt.Sprint(r.Key, " ", r.Number, " ", r.Fields, " ", r.Problem)) + "; "
			if r.Deleted || r.Endpoint != "grants" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		var one *RecordError
		if got != c.got || (err == nil) != (c.wrong == "") || err != nil && (!errors.As(err, &one) || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.wrong == "" && (api.asked.Endpoint.Path != "/of/a%20b/north" || !api.asked.Unkeyed) {
			t.Errorf("%s: %+v", name, api.asked)
		}
	}
	if got := newSource(&connector{}, grants(t, "")).Parent(); got != "users" {
		t.Error(got)
	}
	if got := newSource(&connector{}, endpoint.Endpoint{}).Parent(); got != "" {
		t.Error(got)
	}
}

// What is refused about one parent says nothing about the others; an application that is
// out of order, credentials and limits do.
func TestErrorsAboutOneParent(t *testing.T) {
	for _, c := range []struct {
		kind   abi.Kind
		status int
		single bool
	}{
		{abi.KindConfig, 404, true},
		{abi.KindForbidden, 403, true},
		{abi.KindBadResponse, 200, true},
		{abi.KindRefused, 0, true},
		{abi.KindUnavailable, 500, false},
		{abi.KindUnavailable, 503, false},
		{abi.KindUnavailable, 0, false},
		{abi.KindAuth, 401, false},
		{abi.KindBlocked, 403, false},
		{abi.KindRateLimited, 429, false},
	} {
		api := &connector{fails: &host.CallError{Function: abi.FunctionFetch, Kind: c.kind, Status: c.status, Message: "no"}}
		_, err := newSource(api, grants(t, "")).FetchFor(t.Context(), ident.Record{Key: "7", Fields: map[string]any{"uuid": "u"}})
		var one *RecordError
		if !errors.Is(err, api.fails) || errors.As(err, &one) != c.single {
			t.Errorf("%v %d: %v", c.kind, c.status, err)
		}
	}
}

// What came for a parent stands for what would come as long as the state of the parent and
// the request are the same.
func TestStateOfAParent(t *testing.T) {
	parent := func(time any) ident.Record {
		return ident.Record{Key: "7", Fields: map[string]any{"id": 7, "uuid": "u", "time": time}}
	}
	changed := &expr.Source{Text: "{{ parent.time }}"}
	api := &connector{}
	first := newSource(api, grantsUntil(t, "", changed)).State(parent("noon"))
	if again := newSource(api, grantsUntil(t, "", changed)).State(parent("noon")); first == "" || again != first {
		t.Errorf("the same parent: %q, %q", first, again)
	}
	other := grantsUntil(t, "", changed)
	other.Records = "/other"
	for what, state := range map[string]string{
		"another time":     newSource(api, grantsUntil(t, "", changed)).State(parent("one")),
		"another endpoint": newSource(api, other).State(parent("noon")),
	} {
		if state == "" || state == first {
			t.Errorf("%s: %q", what, state)
		}
	}
	for what, state := range map[string]string{
		"no time":         newSource(api, grantsUntil(t, "", changed)).State(parent(nil)),
		"an empty time":   newSource(api, grantsUntil(t, "", changed)).State(parent("")),
		"no state":        newSource(api, grants(t, "")).State(parent("noon")),
		"somebody else's": newSource(api, grantsUntil(t, "8", changed)).State(parent("noon")),
	} {
		if state != "" {
			t.Errorf("%s: %q", what, state)
		}
	}
}
