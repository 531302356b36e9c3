//go:build !wasip1

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// values maps the expressions of a webhook's templates to their values.
type values map[string]string

var expression = regexp.MustCompile(`\{\{ (.*?) \}\}`)

// render puts values into a webhook of the manifest. The agent's own renderer
// evaluates and escapes; here each expression has its value in a table.
func render(t *testing.T, name string, v values) abi.Webhook {
	t.Helper()
	w, ok := manifest(t).Webhook(name)
	if !ok {
		t.Fatalf("no webhook %s", name)
	}
	if _, whole := v[w.Body]; whole {
		w.Body = v[w.Body]
	}
	text := func(s *string) {
		*s = expression.ReplaceAllStringFunc(*s, func(m string) string {
			value, ok := v[strings.TrimSuffix(strings.TrimPrefix(m, "{{ "), " }}")]
			if !ok {
				t.Errorf("%s: no value for %s", name, m)
			}
			return value
		})
	}
	table := func(m *map[string]string) {
		*m = maps.Clone(*m)
		for k, s := range *m {
			text(&s)
			(*m)[k] = s
		}
	}
	text(&w.Path)
	text(&w.Body)
	table(&w.Params)
	if w.Verify != nil {
		verify := *w.Verify
		w.Verify = &verify
		text(&verify.Path)
		table(&verify.Params)
		table(&verify.Match)
	}
	return w
}

// call sends a request as the simulator's admin, besides the connector.
func (s scene) call(t *testing.T, method, path, body string) any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.host.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-token", "sim-api-token")
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.host.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data any `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return answer.Data
}

// made returns the id of the object that a request creates.
func (s scene) made(t *testing.T, path, body string) string {
	t.Helper()
	return member(s.call(t, http.MethodPost, path, body), "id")
}

// member returns a member of an object as text; "" when there is none.
func member(object any, name string) string {
	m, _ := object.(map[string]any)
	switch v := m[name].(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// sizes counts everything that a repeated create could pile up.
func (s scene) sizes(t *testing.T) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, path := range []string{"/v1/users", "/v1/roles?limit=500", "/v1/legacyTeams", "/v1/webhooks", "/api/v2/persons?limit=500"} {
		list, _ := s.call(t, http.MethodGet, path, "").([]any)
		name, _, _ := strings.Cut(path, "?")
		n[name] = len(list)
	}
	return n
}

// operation says how to try one webhook.
type operation struct {
	setup func(*testing.T, scene) values
	adds  string // the list that grows; with a minus, the list that shrinks
	done  func(*testing.T, scene, values) bool
	key   func(*testing.T, scene, values) string // the link that it makes
}

func link(key string) values { return values{"link.key": key, "int(link.key)": key} }

func fixed(v values) func(*testing.T, scene) values {
	return func(*testing.T, scene) values { return v }
}

// is checks a member of the answer at a path.
func is(path, name, want string) func(*testing.T, scene, values) bool {
	return func(t *testing.T, s scene, v values) bool {
		return member(s.call(t, http.MethodGet, strings.ReplaceAll(path, "{link}", v["link.key"]), ""), name) == want
	}
}

// found returns the id of the only element of a list with a value.
func found(path, name, value string) func(*testing.T, scene, values) string {
	return func(t *testing.T, s scene, _ values) string {
		t.Helper()
		list, _ := s.call(t, http.MethodGet, path, "").([]any)
		var ids []string
		for _, element := range list {
			if member(element, name) == value {
				ids = append(ids, member(element, "id"))
			}
		}
		return strings.Join(ids, " and ")
	}
}

const (
	aRole   = `{"name":"Sales"}`
	aTeam   = `{"name":"North","manager_id":1}`
	aPerson = `{"name":"Bo Ek","emails":[{"value":"bo.ek@example.org","primary":true,"label":"work"}]}`
	hook    = "https://hooks.example.com/pipedrive"
	aHook   = `{"subscription_url":"https://hooks.example.com/x","event_action":"*","event_object":"user","name":"x"}`
)

func role(t *testing.T, s scene) values   { return link(s.made(t, "/v1/roles", aRole)) }
func team(t *testing.T, s scene) values   { return link(s.made(t, "/v1/legacyTeams", aTeam)) }
func person(t *testing.T, s scene) values { return link(s.made(t, "/api/v2/persons", aPerson)) }

func group(v values) values {
	v["ad.cn"] = "G-South"
	return v
}

func operations() map[string]operation {
	ada := values{"ad.mail": "ada.new@example.org"}
	body := `{{ {"name": macros.display_name, "emails": [{"value": ad.mail, "primary": true, "label": "work"}], "phones": ad.telephoneNumber == null ? [] : [{"value": ad.telephoneNumber, "primary": true, "label": "work"}]} }}`
	return map[string]operation{
		"me":        {setup: fixed(nil)},
		"get_user":  {setup: fixed(link("2"))},
		"find_user": {setup: fixed(values{"ad.mail": "ada.novak1@example.org"})},
		"create_user": {
			setup: fixed(ada), adds: "/v1/users",
			key: found("/v1/users/find?term=ada.new&search_by_email=1", "email", "ada.new@example.org"),
		},
		"activate_user": {
			setup: func(t *testing.T, s scene) values {
				s.call(t, http.MethodPut, "/v1/users/2", `{"active_flag":false}`)
				return link("2")
			},
			done: is("/v1/users/2", "active_flag", "true"),
		},
		"deactivate_user":   {setup: fixed(link("2")), done: is("/v1/users/2", "active_flag", "false")},
		"get_role":          {setup: role},
		"create_role":       {setup: fixed(group(values{})), adds: "/v1/roles", key: found("/v1/roles", "name", "G-South")},
		"update_role":       {setup: func(t *testing.T, s scene) values { return group(role(t, s)) }, done: roleNamed},
		"delete_role":       {setup: role, adds: "-/v1/roles"},
		"get_role_settings": {setup: role},
		"set_role_setting": {
			setup: func(t *testing.T, s scene) values {
				v := role(t, s)
				v["settings.role_setting"], v["settings.role_setting_value"] = "deal_default_visibility", "1"
				return v
			},
			done: is("/v1/roles/{link}/settings", "deal_default_visibility", "1"),
		},
		"assign_role":              {setup: assignable, done: holds("/v1/roles/{role}/assignments", true)},
		"unassign_role":            {setup: assigned, done: holds("/v1/roles/{role}/assignments", false)},
		"get_permission_set":       {setup: permissionSet},
		"get_permission_set_users": {setup: permissionSet},
		"get_team":                 {setup: team},
		"create_team":              {setup: fixed(group(values{"settings.team_manager_id": "1"})), adds: "/v1/legacyTeams", key: found("/v1/legacyTeams", "name", "G-South")},
		"update_team":              {setup: func(t *testing.T, s scene) values { return group(team(t, s)) }, done: is("/v1/legacyTeams/{link}", "name", "G-South")},
		"add_team_users": {
			setup: func(t *testing.T, s scene) values {
				v := link("2")
				v["settings.team_id"] = s.made(t, "/v1/legacyTeams", aTeam)
				return v
			},
			done: holds("/v1/legacyTeams/{team}/users", true),
		},
		"remove_team_users": {
			setup: func(t *testing.T, s scene) values {
				v := link("2")
				v["settings.team_id"] = s.made(t, "/v1/legacyTeams", aTeam)
				s.call(t, http.MethodPost, "/v1/legacyTeams/"+v["settings.team_id"]+"/users", `{"users":[2]}`)
				return v
			},
			done: holds("/v1/legacyTeams/{team}/users", false),
		},
		"get_person":    {setup: person},
		"search_person": {setup: func(t *testing.T, s scene) values { person(t, s); return values{"ad.mail": "bo.ek@example.org"} }},
		"create_person": {
			setup: fixed(values{"ad.mail": "bo.ek@example.org", body: aPerson}), adds: "/api/v2/persons",
			key: found("/api/v2/persons?limit=500", "name", "Bo Ek"),
		},
		"update_person": {
			setup: func(t *testing.T, s scene) values {
				v := person(t, s)
				v["macros.display_name"], v["ad.mail"] = "Bo King", "bo.king@example.org"
				return v
			},
			done: is("/api/v2/persons/{link}", "name", "Bo King"),
		},
		"delete_person":    {setup: person, adds: "-/api/v2/persons"},
		"register_webhook": {setup: fixed(values{"settings.webhook_url": hook}), adds: "/v1/webhooks"},
		"delete_webhook": {
			setup: func(t *testing.T, s scene) values {
				return values{"settings.webhook_id": s.made(t, "/v1/webhooks", aHook)}
			},
			adds: "-/v1/webhooks",
		},
	}
}

func roleNamed(t *testing.T, s scene, v values) bool {
	return found("/v1/roles?limit=500", "name", "G-South")(t, s, v) == v["link.key"]
}

func assignable(t *testing.T, s scene) values {
	v := link("2")
	v["settings.role_id"] = s.made(t, "/v1/roles", aRole)
	return v
}

func assigned(t *testing.T, s scene) values {
	v := assignable(t, s)
	s.call(t, http.MethodPost, "/v1/roles/"+v["settings.role_id"]+"/assignments", `{"user_id":2}`)
	return v
}

func permissionSet(t *testing.T, s scene) values {
	sets, _ := s.call(t, http.MethodGet, "/v1/permissionSets", "").([]any)
	if len(sets) == 0 {
		t.Fatal("no permission sets")
	}
	return values{"settings.permission_set_id": member(sets[0], "id")}
}

// holds checks whether user 2 is in a list of members.
func holds(path string, want bool) func(*testing.T, scene, values) bool {
	return func(t *testing.T, s scene, v values) bool {
		path := strings.NewReplacer("{role}", v["settings.role_id"], "{team}", v["settings.team_id"]).Replace(path)
		list, _ := s.call(t, http.MethodGet, path, "").([]any)
		for _, element := range list {
			if element == float64(2) || member(element, "user_id") == "2" {
				return want
			}
		}
		return !want
	}
}

// delivered checks the effect of a webhook, however often it was delivered.
func (o operation) delivered(t *testing.T, s scene, v values, before map[string]int, key string) {
	t.Helper()
	want := before
	if list, less := strings.CutPrefix(o.adds, "-"); less {
		want[list]--
	} else if o.adds != "" {
		want[list]++
	}
	if got := s.sizes(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	if o.done != nil && !o.done(t, s, v) {
		t.Error("it is not done")
	}
	if o.key != nil {
		if id := o.key(t, s, v); id == "" || key != id {
			t.Errorf("link %q, want %q", key, id)
		}
	}
}

func TestEveryOperationHasACase(t *testing.T) {
	cases := operations()
	for _, w := range manifest(t).Webhooks {
		if _, ok := cases[w.Name]; !ok {
			t.Errorf("webhook %s is not tried", w.Name)
		}
		delete(cases, w.Name)
	}
	if len(cases) > 0 {
		t.Errorf("not in the manifest: %v", cases)
	}
}

func each(t *testing.T, f func(*testing.T, string, operation)) {
	for name, o := range operations() {
		t.Run(name, func(t *testing.T) { f(t, name, o) })
	}
}

func quiet() sim.Options { return sim.Options{Seed: 1, People: 5, Unlimited: true} }

func TestEveryOperationIsDeliveredTwice(t *testing.T) {
	each(t, func(t *testing.T, name string, o operation) { o.deliverTwice(t, name, quiet()) })
}

func (o operation) deliverTwice(t *testing.T, name string, options sim.Options) {
	t.Helper()
	s := newScene(t, options)
	v := o.setup(t, s)
	before := s.sizes(t)
	var keys []string
	for _, again := range []bool{false, true, false} {
		a, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, name, v), Again: again})
		if err != nil {
			t.Fatalf("again %v: %v", again, err)
		}
		keys = append(keys, a.LinkKey)
	}
	o.delivered(t, s, v, before, keys[0])
	if w := render(t, name, v); w.LinkKey != "" && (keys[1] != keys[0] || keys[2] != keys[0]) {
		t.Errorf("links %v", keys)
	}
}

// looks returns how many requests come before the one that changes something.
func looks(w abi.Webhook) int {
	if w.Verify != nil && w.Verify.Always {
		return 1
	}
	return 0
}

// losing loses the answer to one request, after so many others. The request is
// carried out.
func losing(after int) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if after--; after != -1 || err != nil {
			return resp, err
		}
		_ = resp.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
}

// The application carries out the request, and the connection breaks before it
// answers.
func TestEveryOperationSurvivesALostAnswer(t *testing.T) {
	each(t, func(t *testing.T, name string, o operation) {
		for _, attempts := range []int{1, 5} {
			s := newScene(t, quiet())
			v := o.setup(t, s)
			before := s.sizes(t)
			s.host.Client = &http.Client{Transport: losing(looks(render(t, name, v)))}
			s.host.Retry.Attempts = attempts
			a, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, name, v)})
			if attempts == 1 {
				fails(t, err, abi.KindUnavailable, render(t, name, v).Path)
				a, err = s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, name, v), Again: true})
			}
			if err != nil {
				t.Fatalf("%d attempts: %v", attempts, err)
			}
			o.delivered(t, s, v, before, a.LinkKey)
		}
	})
}
