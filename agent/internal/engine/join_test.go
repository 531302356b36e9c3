package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// further is a feed of another endpoint than users.
type further struct {
	*single
	name string
}

func (f *further) Endpoint() string { return f.name }

// joinScene is a scene whose automation, crm, has the endpoints users and hr. The title
// is that of hr.
func joinScene(t *testing.T, inner bool, where string, users, hr []ident.Record) (*scene, *single, *further) {
	t.Helper()
	lead := &single{feed: &feed{records: users}}
	partner := &further{&single{feed: &feed{records: hr}}, "hr"}
	s := newScene(t, map[string]*feed{"crm": lead.feed})
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	def := mapping.Definition{
		Primary: "id", Endpoints: []string{"users", "hr"}, OU: src(string(s.ou)),
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "sAMAccountName", Value: src("crm{{ user.id }}"), Apply: ident.ApplyCreate, Unique: mapping.UniqueDomain},
			{Name: "title", Value: src("endpoints.hr.title"), OnMissing: mapping.OnMissingClear},
		},
	}
	if where != "" {
		def.Where = src(where)
	}
	m, errs := mapping.Compile(def)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	a := s.Automations["crm"]
	a.Source, a.Mapper, a.Join = lead, m, &Join{Inner: inner, Partners: []Fetcher{partner}}
	s.Automations["crm"] = a
	s.Replace(s.Automations, nil)
	return s, lead, partner
}

func ofHR(key ident.Key, more ...string) ident.Record {
	r := person(key, "", more...)
	r.Endpoint = "hr"
	delete(r.Fields, "name")
	return r
}

// state is what a join can change of an account: whether it is enabled, and the title.
func (s *scene) title(key string) string {
	s.Helper()
	e := s.account("crm:" + key)
	return e.Attributes.First("title") + " " + e.Attributes.First("userAccountControl")
}

func told(p ident.Plan) string {
	var all []string
	for _, n := range p.Notes {
		all = append(all, string(n.Key)+n.Text)
	}
	for _, q := range p.Quarantined {
		all = append(all, string(q.Key)+": "+q.Cause)
	}
	return strings.Join(all, "\n")
}

func (s *scene) planned(automation string) ident.Plan {
	s.Helper()
	p, err := s.Plan(s.Context(), Request{Automation: automation})
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// Each way in which the record of a further endpoint may come, after a first run in
// which both had everybody: what becomes of the account, and what the plan says.
func TestJoins(t *testing.T) {
	users := []ident.Record{person("1", "Ada"), person("2", "Ben")}
	for _, c := range []struct {
		name  string
		inner bool
		hr    []ident.Record
		title string // of the first user, with userAccountControl
		says  string
	}{
		{"another value", false, []ident.Record{ofHR("1", "title", "Chief"), ofHR("2", "title", "Clerk")}, "Chief 512", ""},
		{"no record, left", false, []ident.Record{ofHR("2", "title", "Clerk")}, "Boss 512", "1 of the records has no record in endpoint hr (the first: key 1); endpoints.hr is absent there"},
		{"no record, inner", true, []ident.Record{ofHR("2", "title", "Clerk")}, "Boss 512", "(the first: key 1); join = \"inner\" leaves them out: they count as present"},
		{"null", false, []ident.Record{{Endpoint: "hr", Key: "1", Fields: map[string]any{"title": nil}}, ofHR("2", "title", "Clerk")}, " 512", ""},
		{"doubled", false, []ident.Record{ofHR("1", "title", "Chief"), ofHR("1", "title", "Clerk"), ofHR("2")}, "Boss 512", "1: endpoint hr delivered the key 1 more than once"},
		{"doubled, inner", true, []ident.Record{ofHR("1", "title", "Chief"), ofHR("1", "title", "Chief"), ofHR("2")}, "Boss 512", "1: endpoint hr delivered the key 1 more than once"},
		{"reported as deleted", false, []ident.Record{{Endpoint: "hr", Key: "1", Deleted: true}, ofHR("2")}, "Boss 512", "1 of the records has no record in endpoint hr"},
		{"delivered and deleted", false, []ident.Record{ofHR("1"), {Endpoint: "hr", Key: "1", Deleted: true}, ofHR("2")}, "Boss 512", "1: endpoint hr delivered the key 1 and reported it as deleted at once"},
		{"unusable", false, []ident.Record{{Endpoint: "hr", Key: "1", Problem: "/title has a fault (endpoint hr)"}, ofHR("2")}, "Boss 512", "1: /title has a fault (endpoint hr)"},
		{"without a key", false, []ident.Record{ofHR("1", "title", "Chief"), ofHR("2"), {Endpoint: "hr", Problem: "no key"}}, "Chief 512", "of endpoint hr has no usable key, so that it is joined to nobody; the first: no key"},
		{"somebody else", false, []ident.Record{ofHR("1", "title", "Chief"), ofHR("2"), ofHR("77")}, "Chief 512", "1 key of endpoint hr: endpoint users has no record with such a key"},
		{"other keys altogether", false, []ident.Record{ofHR("c-1"), ofHR("c-2")}, "Boss 512", "no record of endpoint hr has the key of a record of endpoint users"},
		{"nothing", true, nil, "Boss 512", "2 of the records have no record in endpoint hr"},
		{"another id", false, []ident.Record{ofHR("1", "title", "Chief", "id", "one"), ofHR("2")}, "Chief 512", "id differs between endpoints users and hr for 1 record (the first: key 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, hr := joinScene(t, c.inner, "", users, []ident.Record{ofHR("1", "title", "Boss"), ofHR("2", "title", "Clerk")})
			if r := s.run("crm"); r.Result != store.RunOK || s.title("1") != "Boss 512" {
				t.Fatalf("%+v, %s", r, s.title("1"))
			}
			hr.records = c.hr
			if got := told(s.planned("crm")); !strings.Contains(got, c.says) || c.says == "" && got != "" {
				t.Errorf("the plan says\n%s\nwant %s", got, c.says)
			}
			s.run("crm")
			if got := s.title("1"); got != c.title {
				t.Errorf("the account is %q, want %q", got, c.title)
			}
			for i := range int64(12) {
				if n, err := s.Store.CountStaged(t.Context(), -i); err != nil || n > 0 {
					t.Errorf("%d records are still staged, %v", n, err)
				}
			}
		})
	}
}

// Nobody gets an account by an inner join without a partner, nor loses one.
func TestInnerJoinOfSomebodyNew(t *testing.T) {
	s, lead, hr := joinScene(t, true, "", []ident.Record{person("1", "Ada"), person("2", "Ben")}, []ident.Record{ofHR("1")})
	p := s.planned("crm")
	if len(p.Changes) != 1 || p.Changes[0].Key != "1" || p.Records.Unjoined != 1 || p.Records.Delivered != 2 {
		t.Errorf("%+v", p)
	}
	s.run("crm")
	hr.records = []ident.Record{ofHR("2")}
	if r := s.run("crm"); r.Count(ident.ResultApplied) != 1 || s.title("1") != " 512" || s.title("2") != " 512" {
		t.Errorf("%+v, %q, %q", r, s.title("1"), s.title("2"))
	}
	lead.records = []ident.Record{person("2", "Ben")} // the leading endpoint says who is there
	if s.run("crm"); s.title("1") != " 514" {
		t.Errorf("somebody who has left: %q", s.title("1"))
	}
}

// A filter over the records of hr: who has none is set aside, unless the filter itself
// says what that means; and an endpoint without any record proves nothing.
func TestFilterOverAFurtherEndpoint(t *testing.T) {
	users := []ident.Record{person("1", "Ada"), person("2", "Ben")}
	for _, c := range []struct {
		name, where string
		hr          []ident.Record
		state       string
	}{
		{"out of scope", `endpoints.hr.on == "yes"`, []ident.Record{ofHR("1", "on", "no"), ofHR("2", "on", "yes")}, " 514"},
		{"no record", `endpoints.hr.on == "yes"`, []ident.Record{ofHR("2", "on", "yes")}, " 512"},
		{"no record, and the filter says so", `default(endpoints.hr.on, "no") == "yes"`, []ident.Record{ofHR("2", "on", "yes")}, " 514"},
		{"no record at all", `default(endpoints.hr.on, "no") == "yes"`, nil, " 512"},
		{"doubled", `endpoints.hr.on == "yes"`, []ident.Record{ofHR("1", "on", "no"), ofHR("1", "on", "no"), ofHR("2", "on", "yes")}, " 512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, hr := joinScene(t, false, c.where, users, []ident.Record{ofHR("1", "on", "yes"), ofHR("2", "on", "yes")})
			if s.run("crm"); s.title("1") != " 512" {
				t.Fatal(s.title("1"))
			}
			hr.records = c.hr
			if s.run("crm"); s.title("1") != c.state {
				t.Errorf("the account is %q, want %q", s.title("1"), c.state)
			}
		})
	}
}

// When one endpoint does not answer completely, nothing is changed.
func TestAFurtherEndpointThatFails(t *testing.T) {
	s, lead, hr := joinScene(t, false, "", []ident.Record{person("1", "Ada"), person("2", "Ben")}, []ident.Record{ofHR("1", "title", "Boss")})
	s.run("crm")
	cut := errors.New("cut off")
	for _, broken := range []*feed{lead.feed, hr.feed} {
		lead.records, hr.records = []ident.Record{person("1", "Eve")}, []ident.Record{ofHR("1", "title", "Chief")}
		broken.fails = cut
		_, err := s.Run(t.Context(), Request{Automation: "crm", Kind: store.KindManual, By: "test"})
		if !errors.Is(err, cut) || broken == hr.feed && !strings.Contains(err.Error(), "endpoint hr: cut off") {
			t.Errorf("%v", err)
		}
		broken.fails = nil
		if s.title("1") != "Boss 512" || s.title("2") != " 512" || s.account("crm:1").Attributes.First("displayName") != "Ada" {
			t.Errorf("%q, %q", s.title("1"), s.title("2"))
		}
	}
	hr.changes = true // an endpoint of changes, whichever it is: nobody is missing
	if s.run("crm"); s.title("2") != " 512" {
		t.Errorf("missing because of an endpoint of changes: %q", s.title("2"))
	}
}

// A run for one user joins that user's records alone.
func TestJoinForChosenUsers(t *testing.T) {
	s, lead, hr := joinScene(t, true, "", []ident.Record{person("1", "Ada"), person("2", "Ben"), person("3", "Cy")},
		[]ident.Record{ofHR("1", "title", "Boss"), ofHR("2", "title", "Clerk")})
	request := Request{Automation: "crm", Kind: store.KindInstant, By: "test"}
	r, err := s.RunKeys(t.Context(), request, []ident.Key{"2"})
	if err != nil || r.Count(ident.ResultApplied) != 1 || s.title("2") != "Clerk 512" {
		t.Fatalf("%+v, %v", r, err)
	}
	if !slices.Equal(hr.one, []ident.Key{"2"}) || len(hr.from)+len(lead.from) != 0 {
		t.Errorf("hr was asked for %v, and for everybody %d times", hr.one, len(hr.from)+len(lead.from))
	}
	p, err := s.PlanKeys(t.Context(), request, []ident.Key{"3"})
	if err != nil || len(p.Changes) > 0 || !strings.Contains(told(p), "endpoint hr has no record with this key, and join = \"inner\" leaves out who has none") {
		t.Errorf("%s, %v", told(p), err)
	}
	hr.refuses = map[ident.Key]error{"1": refusedOne{errors.New("not allowed"), false}}
	r, err = s.RunKeys(t.Context(), request, []ident.Key{"1", "2"})
	if err != nil || !strings.Contains(r.Unread["1"], "endpoint hr: not allowed") || r.Unread["2"] != "" {
		t.Errorf("%+v, %v", r, err)
	}
	hr.no = "there is no such request"
	var no *NoSingleError
	if _, err = s.RunKeys(t.Context(), request, []ident.Key{"2"}); !errors.As(err, &no) || !strings.Contains(err.Error(), "endpoint hr: there is no such request") {
		t.Errorf("%v", err)
	}
	hr.records = []ident.Record{ofHR("1", "title", "Boss"), ofHR("2", "title", "Chief")}
	request.Kind = store.KindChosen
	if r, err = s.RunKeys(t.Context(), request, []ident.Key{"2"}); err != nil || s.title("2") != "Chief 512" || r.Count(ident.ResultApplied) != 1 {
		t.Errorf("%+v, %v, %s", r, err, s.title("2"))
	}
}

// The join of random deliveries is the one that nested loops make.
func TestJoinIsThatOfNestedLoops(t *testing.T) {
	s := newScene(t, map[string]*feed{})
	keys := rapid.SampledFrom([]string{"1", "2", "3", "10", "é", "A"})
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(endpoint string) []ident.Record {
			var all []ident.Record
			for i := range rapid.IntRange(0, 8).Draw(rt, endpoint) {
				key := ident.Key(keys.Draw(rt, "key"))
				all = append(all, ident.Record{Endpoint: endpoint, Key: key, Fields: map[string]any{"n": fmt.Sprint(endpoint, i)}})
			}
			return all
		}
		users, partners := draw("users"), [][]ident.Record{draw("hr"), draw("badges")}
		a := Automation{Source: &feed{records: users}, Join: &Join{Inner: rapid.Bool().Draw(rt, "inner")}}
		for i, name := range []string{"hr", "badges"} {
			a.Join.Partners = append(a.Join.Partners, &further{&single{feed: &feed{records: partners[i]}}, name})
		}
		d, err := s.fetchAll(context.Background(), a)
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		err = s.eachArrival(context.Background(), a, &d, func(one arrival) error {
			if one.Records == 1 {
				got = append(got, joinedLine(one.Record, one.without))
			}
			return nil
		})
		s.dropStaging(context.Background(), d.stagings()...)
		if want := nested(users, partners, a.Join.Inner); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("%v, %v, want %v", got, err, want)
		}
	})
}

func joinedLine(r ident.Record, without string) string {
	line := string(r.Key) + " " + fmt.Sprint(r.Fields["n"])
	if r.Problem != "" {
		return line + " " + r.Problem
	}
	for _, name := range slices.Sorted(maps.Keys(r.Joined)) {
		line += " " + fmt.Sprint(r.Joined[name]["n"])
	}
	return line + " " + without
}

// nested joins by looking at every pair.
func nested(users []ident.Record, partners [][]ident.Record, inner bool) []string {
	var all []string
	for _, key := range []ident.Key{"1", "10", "2", "3", "A", "é"} {
		same := func(records []ident.Record) []ident.Record {
			return slices.DeleteFunc(slices.Clone(records), func(r ident.Record) bool { return r.Key != key })
		}
		own := same(users)
		if len(own) != 1 {
			continue
		}
		r, without := own[0], ""
		r.Joined = map[string]map[string]any{}
		for i, name := range []string{"hr", "badges"} {
			switch found := same(partners[i]); {
			case len(found) > 1 && r.Problem == "":
				r.Problem = fmt.Sprintf("endpoint %s delivered the key %s more than once", name, key)
			case len(found) == 1:
				r.Joined[name] = found[0].Fields
			case len(found) == 0 && inner && without == "":
				without = name
			}
		}
		all = append(all, joinedLine(r, without))
	}
	return all
}

// An endpoint without a usable record for anybody any more changes nobody, creates
// nobody and disables nobody without approval, run after run. When it is whole again, what
// it would have done to people is dropped, and what is still right waits for a person, as
// whatever is held does.
func TestAnEmptyFurtherEndpointHoldsEverything(t *testing.T) {
	for where, want := range map[string]struct {
		result store.RunResult
		name   string
	}{
		`default(endpoints.hr.on, "no") == "yes"`:  {store.RunOK, "Eve"},
		`default(endpoints.hr.on, "yes") == "yes"`: {store.RunHeld, "Ada"},
	} {
		full := []ident.Record{ofHR("1", "on", "yes", "title", "Boss"), ofHR("2", "on", "yes")}
		s, lead, hr := joinScene(t, false, where, []ident.Record{person("1", "Ada"), person("2", "Ben")}, full)
		s.run("crm")
		lead.records = []ident.Record{person("1", "Eve"), person("2", "Ben"), person("3", "Cy")}
		for _, hr.records = range [][]ident.Record{nil, {ofHR("c-1"), ofHR("c-2")}, nil} {
			if r := s.run("crm"); r.Count(ident.ResultApplied) > 0 || r.Result != store.RunDoubtful || s.title("1") != "Boss 512" {
				t.Errorf("%s: %+v, %s", where, r, s.title("1"))
			}
		}
		hr.records = full
		r := s.run("crm")
		if name := s.account("crm:1").Attributes.First("displayName"); r.Result != want.result || name != want.name || s.title("1") != "Boss 512" {
			t.Errorf("%s: %s, %s %s: %+v", where, r.Result, name, s.title("1"), r)
		}
	}
}

// A further endpoint that answers short disables nobody, brings nobody back and moves no
// value, unless so few are lost that the source may shrink by them.
func TestAShortFurtherEndpointHoldsEverything(t *testing.T) {
	const people = 20
	for lost, want := range map[int]store.RunResult{2: store.RunOK, 10: store.RunDoubtful} {
		var users, full []ident.Record
		for i := range people {
			key := ident.Key(strconv.Itoa(i + 1))
			users, full = append(users, person(key, "Ada "+string(key))), append(full, ofHR(key, "on", "yes", "title", "Boss"))
		}
		s, _, hr := joinScene(t, false, `default(endpoints.hr.on, "no") == "yes"`, users, full)
		s.change("crm", func(p *plan.Settings) { p.SourceShrink = plan.Limit{Percent: 20} })
		s.run("crm")
		hr.records = full[lost:]
		r := s.run("crm")
		if r.Result != want || r.Count(ident.ResultApplied) > 0 != (want == store.RunOK) {
			t.Errorf("%d lost: %s, %d applied", lost, r.Result, r.Count(ident.ResultApplied))
		}
		if state := s.title(strconv.Itoa(people)); state != "Boss 512" {
			t.Errorf("%d lost: %s", lost, state)
		}
	}
}

// Whom an inner join leaves out for a while has decided nothing: what is held for them
// stays held, and what was rejected is not asked again.
func TestWhatIsHeldWaitsForAPartner(t *testing.T) {
	full := []ident.Record{}
	users := []ident.Record{}
	for i := range 10 {
		key := ident.Key(strconv.Itoa(i + 1))
		users, full = append(users, person(key, "Ada "+string(key))), append(full, ofHR(key, "title", "Boss"))
	}
	for _, reject := range []bool{false, true} {
		s, lead, hr := joinScene(t, true, "", slices.Clone(users), full)
		s.run("crm")
		s.change("crm", func(p *plan.Settings) { p.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {}} })
		lead.records[0] = person("1", "Eve")
		held := s.wantRun("crm", store.RunHeld)
		if reject {
			if _, err := s.Reject(t.Context(), Decision{Run: held.ID, By: "ada"}); err != nil {
				t.Fatal(err)
			}
		}
		waiting := map[bool]int{false: 1, true: 0}[reject]
		hr.records = full[1:]
		if r := s.run("crm"); r.Waiting != waiting || r.Count(ident.ResultDropped) > 0 || r.Summary.Records.Unjoined != 1 {
			t.Errorf("rejected %t, without a partner: %d wait, %+v", reject, r.Waiting, r.Outcomes)
		}
		hr.records = full
		if r := s.run("crm"); r.Waiting != waiting || r.Count(ident.ResultHeld) > 0 {
			t.Errorf("rejected %t, with one again: %d wait, %+v", reject, r.Waiting, r.Outcomes)
		}
	}
}

// A further endpoint with two records of one person sets that person aside, and nobody
// else. One of the two may be that of somebody who has none now, though.
func TestADoubledPartnerSetsOneAside(t *testing.T) {
	for name, c := range map[string]struct {
		hr   []ident.Record
		want store.RunResult
		name string // of somebody else
	}{
		"twice":                        {[]ident.Record{ofHR("1"), ofHR("1"), ofHR("2"), ofHR("3")}, store.RunQuarantined, "Eve"},
		"in the place of another":      {[]ident.Record{ofHR("1"), ofHR("1"), ofHR("3")}, store.RunDoubtful, "Ben"},
		"without a key, for another's": {[]ident.Record{ofHR("1"), ofHR(""), ofHR("3")}, store.RunDoubtful, "Ben"},
	} {
		users := []ident.Record{person("1", "Ada"), person("2", "Ben"), person("3", "Cy")}
		s, lead, hr := joinScene(t, false, "", users, []ident.Record{ofHR("1"), ofHR("2"), ofHR("3")})
		s.change("crm", func(p *plan.Settings) { p.SourceShrink = plan.Limit{Percent: 50} })
		s.run("crm")
		lead.records, hr.records = slices.Clone(users), c.hr
		lead.records[1] = person("2", "Eve")
		r := s.run("crm")
		if got := s.account("crm:2").Attributes.First("displayName"); r.Result != c.want || got != c.name {
			t.Errorf("%s: %s, %s", name, r.Result, got)
		}
	}
}
