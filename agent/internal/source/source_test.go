package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// connector delivers that many records and remembers what it was asked for.
type connector struct {
	records int
	more    []host.Record
	cursor  string
	fails   error
	asked   abi.FetchCall
}

func (c *connector) Fetch(_ context.Context, _ host.Application, call abi.FetchCall, sink func(host.Record) error) (host.Report, error) {
	c.asked = call
	for i := range c.records {
		if err := sink(host.Record{Key: fmt.Sprint(i), Fields: map[string]any{"id": i}}); err != nil {
			return host.Report{}, err
		}
	}
	for _, r := range c.more {
		if err := sink(r); err != nil {
			return host.Report{}, err
		}
	}
	return host.Report{Cursor: c.cursor}, c.fails
}

func (c *connector) Attachment(_ context.Context, _ host.Application, call host.AttachmentCall) (host.Attachment, error) {
	if c.fails != nil {
		return host.Attachment{}, c.fails
	}
	return host.Attachment{Content: []byte(call.URL), ETag: call.ETag, Modified: call.Modified}, nil
}

func template(t *testing.T, text string) *expr.Template {
	t.Helper()
	out, err := expr.NewScope("settings", "now", "last_success").Template(expr.Source{Text: text}, expr.EscapeNone)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newSource(c *connector, e endpoint.Endpoint) *Source {
	return New(Settings{
		Connector: c, Endpoint: e, Fields: []string{"id"},
		Application: host.Application{Name: "crm", Settings: map[string]any{"team": "north"}},
		Now:         func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	})
}

func TestEveryRecordArrivesInBatches(t *testing.T) {
	for _, records := range []int{0, 1, batchSize, batchSize + 1, 3*batchSize - 1} {
		got, largest := 0, 0
		_, err := newSource(&connector{records: records}, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func(batch []ident.Record) error {
			for i, r := range batch {
				if want := fmt.Sprint(got + i); string(r.Key) != want {
					t.Fatalf("record %s came as number %s", r.Key, want)
				}
			}
			got, largest = got+len(batch), max(largest, len(batch))
			return nil
		})
		if err != nil || got != records || largest > batchSize {
			t.Errorf("%d records: %d came, at most %d at once, %v", records, got, largest, err)
		}
	}
}

// Keys that differ in what nobody sees are one key, so that a blank at the
// source makes nobody missing; one of nothing else is none.
func TestKeysAreTrimmed(t *testing.T) {
	c := &connector{more: []host.Record{{Key: " 7\u200b"}, {Key: "\u00a0"}, {Key: "\t8 ", Deleted: true}, {Key: "a b"}}}
	var keys []ident.Key
	_, err := newSource(c, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func(batch []ident.Record) error {
		for _, r := range batch {
			keys = append(keys, r.Key)
		}
		return nil
	})
	if want := []ident.Key{"7", "", "8", "a b"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("%q, %v, want %q", keys, err, want)
	}
}

func TestAnAnswerThatIsNotWholeIsAnError(t *testing.T) {
	cut := &host.CallError{Connector: "crm", Kind: abi.KindBadResponse, Message: "truncated", Next: "look at the vendor's status page"}
	_, err := newSource(&connector{records: 3, fails: cut}, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func([]ident.Record) error { return nil })
	if !errors.Is(err, error(cut)) || !strings.Contains(err.Error(), "truncated") || !strings.HasSuffix(err.Error(), "next: look at the vendor's status page") {
		t.Errorf("got %v", err)
	}
	full := errors.New("disk is full")
	if _, err := newSource(&connector{records: 3}, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func([]ident.Record) error { return full }); !errors.Is(err, full) {
		t.Errorf("an error of the taker became %v", err)
	}
}

func TestTemplatesOfAnEndpoint(t *testing.T) {
	manifest := abi.Endpoint{Name: "users", Path: "/v1/users", Params: map[string]string{"limit": "30", "sort": "id"}}
	c := &connector{}
	_, err := newSource(c, endpoint.Endpoint{
		Endpoint: manifest, Path: template(t, "/v2/{{ settings.team }}"),
		Params:  map[string]*expr.Template{"limit": template(t, "500"), "on": template(t, "{{ format_date(now, 'yyyy-MM-dd') }}")},
		Headers: map[string]*expr.Template{"X-Team": template(t, "{{ settings.team }}")},
	}).Fetch(t.Context(), ident.Position{}, func([]ident.Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	e := c.asked.Endpoint
	if e.Path != "/v2/north" || e.Params["limit"] != "500" || e.Params["sort"] != "id" || e.Params["on"] != "2026-01-02" || e.Headers["X-Team"] != "north" {
		t.Errorf("asked for %+v", e)
	}
	if manifest.Params["limit"] != "30" {
		t.Error("the manifest's own parameters were changed")
	}
	_, err = newSource(&connector{}, endpoint.Endpoint{Endpoint: manifest, Params: map[string]*expr.Template{"since": template(t, "{{ last_success }}")}}).
		Fetch(t.Context(), ident.Position{}, func([]ident.Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "params.since has no value") {
		t.Errorf("a parameter without a value: %v", err)
	}
}

func TestChangesOnly(t *testing.T) {
	for mode, want := range map[abi.Mode]bool{abi.ModeFull: false, abi.ModeChanges: true, "": false} {
		if got := newSource(&connector{}, endpoint.Endpoint{Endpoint: abi.Endpoint{Mode: mode}}).ChangesOnly(); got != want {
			t.Errorf("mode %q: %v", mode, got)
		}
	}
}

// Only an endpoint in mode changes is told where it ended, and only its word
// on where to go on counts.
func TestPositions(t *testing.T) {
	from := ident.Position{Cursor: "page-7", Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for mode, want := range map[abi.Mode]struct{ given, since, next string }{
		abi.ModeFull:    {"", "never", ""},
		"":              {"", "never", ""},
		abi.ModeChanges: {"page-7", "2026-01-01", "page-8"},
	} {
		c := &connector{records: 1, cursor: "page-8"}
		next, err := newSource(c, endpoint.Endpoint{
			Endpoint: abi.Endpoint{Name: "users", Mode: mode},
			Params:   map[string]*expr.Template{"since": template(t, "{{ last_success == null ? 'never' : format_date(last_success, 'yyyy-MM-dd') }}")},
		}).Fetch(t.Context(), from, func([]ident.Record) error { return nil })
		if err != nil || next != want.next || c.asked.Cursor != want.given || c.asked.Endpoint.Params["since"] != want.since {
			t.Errorf("mode %q: next %q, asked with %q since %q, %v", mode, next, c.asked.Cursor, c.asked.Endpoint.Params["since"], err)
		}
	}
	c := &connector{cursor: "page-8", fails: errors.New("cut")}
	if next, err := newSource(c, endpoint.Endpoint{Endpoint: abi.Endpoint{Mode: abi.ModeChanges}}).Fetch(t.Context(), from, func([]ident.Record) error { return nil }); err == nil || next != "" {
		t.Errorf("a failed fetch goes on from %q, %v", next, err)
	}
}

func TestPartsAndDeletionsArePassedOn(t *testing.T) {
	photo := strings.Repeat("A", 1<<20)
	c := &connector{more: []host.Record{{Key: "1", Deleted: true}}}
	for range 20 {
		c.more = append(c.more, host.Record{Key: "2", Partial: true, Fields: map[string]any{"photo": photo}})
	}
	var got []ident.Record
	largest := 0
	_, err := newSource(c, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func(batch []ident.Record) error {
		got, largest = append(got, batch...), max(largest, len(batch))
		return nil
	})
	if err != nil || len(got) != 21 || !got[0].Deleted || got[0].Partial || !got[1].Partial || got[1].Deleted || got[1].Fields["photo"] != photo {
		t.Errorf("%d records, %v", len(got), err)
	}
	if largest > 6 {
		t.Errorf("%d MiB at once", largest)
	}
}

// A batch goes on by its bytes, wherever in a record they are: 500 records of
// eight mebibytes were four gigabytes at once.
func TestLargeRecordsGoOnEarly(t *testing.T) {
	const size = 1 << 20
	text := strings.Repeat("x", size)
	number := json.Number(strings.Repeat("1", size))
	wide := map[string]any{}
	var list []any
	for i := range size / perValue {
		wide[fmt.Sprint(i)] = true
		list = append(list, nil)
	}
	for name, value := range map[string]any{
		"text": text, "number": number, "in a list": []any{"a", text}, "in an object": map[string]any{"a": map[string]any{"b": text}},
		"in a name": map[string]any{text: nil}, "many values": list, "many fields": wide,
	} {
		c := &connector{}
		for i := range 30 {
			c.more = append(c.more, host.Record{Key: fmt.Sprint(i), Fields: map[string]any{"v": value}})
		}
		largest, n := 0, 0
		_, err := newSource(c, endpoint.Endpoint{}).Fetch(t.Context(), ident.Position{}, func(batch []ident.Record) error {
			largest, n = max(largest, len(batch)), n+len(batch)
			return nil
		})
		if err != nil || n != 30 || largest > 4 {
			t.Errorf("%s: %d records, %d of a mebibyte at once, %v", name, n, largest, err)
		}
	}
}

func TestProblemsSayWhere(t *testing.T) {
	c := &connector{more: []host.Record{
		{Key: "1", Problem: "/name has a fault", Place: "record /data/4 of answer 2"}, {Problem: "no key"}, {Key: "2"}, {Key: " \u200b"},
	}}
	s := New(Settings{Connector: c, Endpoint: endpoint.Endpoint{Endpoint: abi.Endpoint{Name: "users"}}, Now: time.Now})
	var got []string
	if _, err := s.Fetch(t.Context(), ident.Position{}, func(batch []ident.Record) error {
		for _, r := range batch {
			got = append(got, r.Problem)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/name has a fault (endpoint users, record /data/4 of answer 2)", "no key (endpoint users)", "",
		"the primary key is nothing but white space and invisible characters (endpoint users)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A single record is asked for by its key, escaped for its place, with the
// endpoint's headers and without its paging; an answer that says that there is
// none is no error.
func TestFetchOne(t *testing.T) {
	scope := expr.NewScope("settings", "now", "last_success", expr.NameKey)
	one := abi.One{Path: "/teams/{{ settings.team }}/users/{{ key }}", Params: map[string]string{"id": "{{ key }}"}, Records: "/data", Record: "/user", Cost: 2}
	compiled, err := endpoint.CompileOne(one, endpoint.TextsOf(one), scope)
	if err != nil {
		t.Fatal(err)
	}
	e := endpoint.Endpoint{Endpoint: abi.Endpoint{
		Name: "users", Method: "POST", Path: "/users", Body: "{}", Key: "/id", Mode: abi.ModeChanges, Records: "/list", Cost: 20, Scopes: []string{"read"},
		Repeat: abi.Repeat{Style: abi.RepeatPage, Param: "page"}, Params: map[string]string{"limit": "500"}, Headers: map[string]string{"x": "1"},
	}, One: compiled}
	c := &connector{records: 1}
	var got []ident.Record
	each := func(batch []ident.Record) error { got = append(got, batch...); return nil }
	if err := newSource(c, e).FetchOne(t.Context(), "a/b c", each); err != nil || len(got) != 1 || got[0].Endpoint != "users" {
		t.Fatalf("%+v, %v", got, err)
	}
	want := abi.Endpoint{
		Name: "users", Method: "GET", Path: "/teams/north/users/a%2Fb%20c", Params: map[string]string{"id": "a/b c"}, Headers: map[string]string{"x": "1"},
		Records: "/data", Record: "/user", Key: "/id", Mode: abi.ModeFull, Cost: 2, Scopes: []string{"read"}, Single: true,
	}
	if fmt.Sprintf("%+v", c.asked.Endpoint) != fmt.Sprintf("%+v", want) || c.asked.Cursor != "" || !slices.Equal(c.asked.Keep, []string{"id"}) {
		t.Errorf("asked for\n%+v, want\n%+v", c.asked.Endpoint, want)
	}
	for status, absent := range map[int]bool{404: true, 410: true, 403: false, 0: false} {
		c := &connector{fails: &host.CallError{Kind: abi.KindConfig, Status: status, Message: "no"}}
		if err := newSource(c, e).FetchOne(t.Context(), "1", each); (err == nil) != absent {
			t.Errorf("%d: %v", status, err)
		}
	}
	e.One, e.NoOne = nil, "there is none"
	if s := newSource(c, e); s.NoSingle() != "there is none" || s.FetchOne(t.Context(), "1", each) == nil {
		t.Error("a source without such a request is asked")
	}
	for _, bad := range []abi.One{{Path: "/users/{{ id }}"}, {Path: "/users/1"}, {Path: "/users/{{ key"}} {
		if _, err := endpoint.CompileOne(bad, endpoint.TextsOf(bad), scope); err == nil {
			t.Errorf("%s is taken", bad.Path)
		}
	}
}

// What one record is refused for says nothing about the others; credentials, the
// network and the rate limit do.
func TestErrorsAboutOneRecord(t *testing.T) {
	fault := func(kind abi.Kind, status int) *host.CallError {
		return &host.CallError{Function: abi.FunctionFetch, Kind: kind, Status: status, Message: "no"}
	}
	outside := fault(abi.KindConfig, 0)
	outside.Err = errors.New("the file of the password cannot be read")
	for _, c := range []struct {
		err             error
		single, suspect bool
	}{
		{fault(abi.KindRefused, 0), true, false},
		{fault(abi.KindBadResponse, 422), true, false},
		{fault(abi.KindConfig, 405), true, false},
		{fault(abi.KindUnavailable, 500), true, true},
		{fault(abi.KindForbidden, 403), true, true},
		{fault(abi.KindUnavailable, 0), false, false},
		{fault(abi.KindAuth, 401), false, false},
		{fault(abi.KindBlocked, 403), false, false},
		{fault(abi.KindRateLimited, 429), false, false},
		{outside, false, false},
		{&host.CallError{Kind: abi.KindInternal}, false, false},
		{errors.New("stopped"), false, false},
	} {
		var one *RecordError
		err := aboutOne(c.err)
		if single := errors.As(err, &one); single != c.single || single && one.Suspect() != c.suspect || !errors.Is(err, c.err) {
			t.Errorf("%v: %#v", c.err, err)
		}
	}
}

// TestAttach tells what is wrong with one address from what concerns them all.
func TestAttach(t *testing.T) {
	got, err := newSource(&connector{}, endpoint.Endpoint{}).Attach(t.Context(), "https://p/1", ident.Seen{ETag: "e", Modified: "m"})
	if err != nil || string(got.Content) != "https://p/1" || got.ETag != "e" || got.Modified != "m" {
		t.Errorf("%+v, %v", got, err)
	}
	for kind, want := range map[abi.Kind]struct{ alone, answered bool }{
		abi.KindBadResponse: {true, true}, abi.KindRefused: {true, false},
		abi.KindUnavailable: {}, abi.KindRateLimited: {}, abi.KindConfig: {}, abi.KindAuth: {},
	} {
		_, err := newSource(&connector{fails: &host.CallError{Kind: kind, Message: "m", Next: "do it"}}, endpoint.Endpoint{}).
			Attach(t.Context(), "https://p/1", ident.Seen{})
		var one *RecordError
		alone := errors.As(err, &one)
		if err == nil || alone != want.alone || alone && (one.Answered() != want.answered || one.Step() != "do it") {
			t.Errorf("%s: %v, alone %v", kind, err, alone)
		}
	}
}
