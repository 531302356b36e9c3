package sim

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

// step is one request and the answer that is wanted.
type step struct {
	method, path, body string
	status             int
	want               string
}

func steps(t *testing.T, s *Server, list []step) {
	t.Helper()
	for _, c := range list {
		got := send(t, s, c.method, "/v1/"+c.path, c.body)
		if got.status != c.status || got.body != c.want {
			t.Errorf("%s %s %s:\n got %d %s\nwant %d %s", c.method, c.path, c.body, got.status, got.body, c.status, c.want)
		}
	}
}

const onePage = `,"additional_data":{"pagination":{"start":0,"limit":100,"more_items_in_collection":false}}}`

// company has three people: 1 in role 4, 2 in role 1, 3 in role 4.
func company(t *testing.T, o Options) *Server {
	t.Helper()
	o.Seed, o.People, o.Now, o.Unlimited = 1, 3, simtest.NewClock().Now, true
	s := New(o)
	for id, role := range map[int64]int{1: 4, 2: 1, 3: 4} {
		if _, err := s.Change(id, func(u *User) { u.RoleID, u.IsDeleted, u.ActiveFlag = role, false, true }); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestRoles(t *testing.T) {
	s := company(t, Options{})
	settings := `{"deal_default_visibility":1,"lead_default_visibility":1,"org_default_visibility":1,"person_default_visibility":1,"product_default_visibility":1}`
	steps(t, s, []step{
		{"GET", "roles?start=2&limit=2", "", 200, `{"success":true,"data":[` +
			`{"id":3,"parent_role_id":1,"name":"Sales","active_flag":true,"assignment_count":"0","sub_role_count":"2","level":1},` +
			`{"id":4,"parent_role_id":3,"name":"Sales North","active_flag":true,"assignment_count":"2","sub_role_count":"0","level":2}],` +
			`"additional_data":{"pagination":{"start":2,"limit":2,"more_items_in_collection":true,"next_start":4}}}`},
		{"GET", "roles?start=8", "", 200, `{"success":true,"data":[{"id":9,"parent_role_id":2,"name":"Reviewers","active_flag":true,"assignment_count":"0","sub_role_count":"0","level":2}],` +
			`"additional_data":{"pagination":{"start":8,"limit":100,"more_items_in_collection":false}}}`},
		{"GET", "roles?limit=501", "", 400, invalidBody("limit: must be from 1 to 500")},
		{"GET", "roles/4", "", 200, `{"additional_data":{"settings":` + settings + `},"data":{"id":4,"parent_role_id":3,"name":"Sales North","active_flag":true,"assignment_count":"2","sub_role_count":"0"},"success":true}`},
		{"GET", "roles/99", "", 404, `{"success":false,"error":"Role not found"}`},
		{"POST", "roles", `{"name":"New","parent_role_id":4}`, 200, data(`{"id":10}`)},
		{"POST", "roles", `{"name":"New","parent_role_id":99}`, 400, invalidBody("parent_role_id: does not exist")},
		{"PUT", "roles/3", `{"parent_role_id":10}`, 400, invalidBody("parent_role_id: cannot be the parent")},
		{"PUT", "roles/3", `{"parent_role_id":3}`, 400, invalidBody("parent_role_id: cannot be the parent")},
		{"PUT", "roles/10", `{"name":"Newer","parent_role_id":null}`, 200, data(`{"id":10}`)},
		{"GET", "roles?start=9", "", 200, `{"success":true,"data":[{"id":10,"parent_role_id":1,"name":"Newer","active_flag":true,"assignment_count":"0","sub_role_count":"0","level":1}],` +
			`"additional_data":{"pagination":{"start":9,"limit":100,"more_items_in_collection":false}}}`},
		{"DELETE", "roles/3", "", 400, invalidBody("role: is in use")},
		{"DELETE", "roles/4", "", 400, invalidBody("role: is in use")},
		{"DELETE", "roles/1", "", 400, invalidBody("role: is in use")},
		{"DELETE", "roles/10", "", 200, data(`{"id":10}`)},
		{"DELETE", "roles/10", "", 404, `{"success":false,"error":"Role not found"}`},
	})
}

func TestRoleAssignments(t *testing.T) {
	s := company(t, Options{})
	in4 := func(user string) string {
		return `{"user_id":` + user + `,"role_id":4,"parent_role_id":3,"name":"Sales North","active_flag":true,"type":"1"}`
	}
	steps(t, s, []step{
		{"GET", "roles/4/assignments", "", 200, `{"success":true,"data":[` + in4("1") + `,` + in4("3") + `]` + onePage},
		{"GET", "roles/1/assignments", "", 200, `{"success":true,"data":[]` + onePage},
		{"GET", "users/2/roleAssignments", "", 200, `{"success":true,"data":[]` + onePage},
		{"POST", "roles/4/assignments", `{"user_id":2}`, 200, data(`{"role_id":4,"user_id":2}`)},
		{"GET", "users/2/roleAssignments", "", 200, `{"success":true,"data":[` + in4("2") + `]` + onePage},
		{"DELETE", "roles/4/assignments", `{"user_id":3}`, 200, data(`{"id":4}`)},
		{"DELETE", "roles/4/assignments", `{"user_id":3}`, 404, notFoundBody},
		{"DELETE", "roles/4/assignments", ``, 400, invalidBody("body: is not valid JSON")},
		{"DELETE", "roles/4/assignments", `{}`, 400, invalidBody("user_id: is required")},
		{"POST", "roles/4/assignments", `{"user_id":99}`, 404, notFoundBody},
		{"POST", "roles/99/assignments", `{"user_id":2}`, 404, `{"success":false,"error":"Role not found"}`},
		{"GET", "users/99/roleAssignments", "", 404, notFoundBody},
	})
	for id, want := range map[int64]int{1: 4, 2: 4, 3: 1} {
		if u, _ := s.User(id); u.RoleID != want {
			t.Errorf("user %d has role %d, want %d", id, u.RoleID, want)
		}
	}
}

func TestRoleSettingsAndPipelines(t *testing.T) {
	s := company(t, Options{})
	settings := `{"deal_default_visibility":7,"lead_default_visibility":1,"org_default_visibility":1,"person_default_visibility":1,"product_default_visibility":1}`
	steps(t, s, []step{
		{"POST", "roles/4/settings", `{"setting_key":"deal_default_visibility","value":7}`, 200, data(`{"deal_default_visibility":7,"id":4}`)},
		{"GET", "roles/4/settings", "", 200, data(settings)},
		{"GET", "users/1/roleSettings", "", 200, data(settings)},
		{"GET", "roles/4/pipelines", "", 200, data(`{"pipeline_ids":[1,2,3],"visible":true}`)},
		{"PUT", "roles/4/pipelines", `{"visible_pipeline_ids":{"remove":"[1,3]"}}`, 200, data(`{"pipeline_ids":[2],"visible":true}`)},
		{"PUT", "roles/4/pipelines", `{"visible_pipeline_ids":{"add":[3]}}`, 200, data(`{"pipeline_ids":[2,3],"visible":true}`)},
		{"GET", "roles/4/pipelines?visible=false", "", 200, data(`{"pipeline_ids":[1],"visible":false}`)},
		{"GET", "roles/4/pipelines?visible=1", "", 400, invalidBody("visible: must be true or false")},
		{"GET", "roles/5/pipelines", "", 200, data(`{"pipeline_ids":[1,2,3],"visible":true}`)},
	})
}

func TestBodiesOfRolesAndTeamsAreRefused(t *testing.T) {
	s := company(t, Options{})
	for _, c := range []struct{ request, body, want string }{
		{"POST roles", `{}`, "name: is required"},
		{"POST roles", `{"name":""}`, "name: must not be empty"},
		{"POST roles", `{"name":7}`, "name: must be a string"},
		{"POST roles", `{"name":"a","parent_role_id":"1"}`, "parent_role_id: must be an integer"},
		{"POST roles", `{"name":"a","level":1}`, "level: is not allowed"},
		{"PUT roles/4", `{"name":null}`, "name: must be a string"},
		{"POST roles/4/assignments", `{"user_id":"2"}`, "user_id: must be an integer"},
		{"POST roles/4/assignments", `{"user_id":2,"type":"1"}`, "type: is not allowed"},
		{"POST roles/4/settings", `{"setting_key":"x","value":1}`, "setting_key: must be one of deal_default_visibility, lead_default_visibility, org_default_visibility, person_default_visibility, product_default_visibility"},
		{"POST roles/4/settings", `{"setting_key":"deal_default_visibility","value":2}`, "value: must be one of 1, 3, 5, 7"},
		{"POST roles/4/settings", `{"setting_key":"deal_default_visibility"}`, "value: is required"},
		{"PUT roles/4/pipelines", `{"visible_pipeline_ids":{}}`, "visible_pipeline_ids: must not be empty"},
		{"PUT roles/4/pipelines", `{"visible_pipeline_ids":[1]}`, "visible_pipeline_ids: must be an object"},
		{"PUT roles/4/pipelines", `{"visible_pipeline_ids":{"add":"[9]"}}`, "visible_pipeline_ids.add: must be a list of pipeline ids from 1 to 3"},
		{"PUT roles/4/pipelines", `{"visible_pipeline_ids":{"add":null}}`, "visible_pipeline_ids.add: must be a list of pipeline ids from 1 to 3"},
		{"PUT roles/4/pipelines", `{"visible_pipeline_ids":{"show":[1]}}`, "visible_pipeline_ids.show: is not allowed"},
		{"POST legacyTeams", `{"name":"a"}`, "manager_id: is required"},
		{"POST legacyTeams", `{"manager_id":1}`, "name: is required"},
		{"POST legacyTeams", `{"name":"a","manager_id":99}`, "manager_id: is not a user"},
		{"POST legacyTeams", `{"name":"a","manager_id":1,"users":[1,99]}`, "users[1]: is not a user"},
		{"POST legacyTeams", `{"name":"a","manager_id":1,"users":["1"]}`, "users[0]: must be an integer"},
		{"POST legacyTeams", `{"name":"a","manager_id":1,"active_flag":1}`, "active_flag: is not allowed"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		if got := send(t, s, method, "/v1/"+path, c.body); got.status != 400 || got.body != invalidBody(c.want) {
			t.Errorf("%s %s: %d %s", c.request, c.body, got.status, got.body)
		}
	}
}

func TestPermissionSets(t *testing.T) {
	s := company(t, Options{})
	sales := `{"id":"` + salesSet + `","name":"Deals regular user","app":"sales","assignment_count":2,"contents":["can_add_products","can_bulk_edit_items","can_edit_products","can_see_other_users","can_share_filters","can_use_api","can_use_email_tracking"]}`
	steps(t, s, []step{
		{"GET", "permissionSets?app=account_settings", "", 200, data(`[{"id":"` + settingsSet + `","name":"Account settings","app":"account_settings","type":"admin","assignment_count":1}]`)},
		{"GET", "permissionSets?app=x", "", 400, invalidBody("app: is unknown")},
		{"GET", "permissionSets/" + salesSet, "", 200, data("[" + sales + "]")},
		{"GET", "permissionSets/" + strings.Replace(salesSet, "f07d", "f07e", 1), "", 404, ""},
		{"GET", "permissionSets/x/assignments", "", 404, ""},
		{"GET", "permissionSets/" + salesSet + "/assignments?limit=1", "", 200, `{"success":true,"data":[{"user_id":2,"permission_set_id":"` + salesSet + `","name":"Deals regular user"}],` +
			`"additional_data":{"pagination":{"start":0,"limit":1,"more_items_in_collection":true,"next_start":1}}}`},
		{"GET", "users/99/permissions", "", 404, notFoundBody},
	})
	var all struct {
		Data []struct {
			Count json.Number `json:"assignment_count"`
		}
	}
	if err := json.Unmarshal([]byte(get(t, s, "/v1/permissionSets").body), &all); err != nil || len(all.Data) != len(permissionSets()) {
		t.Errorf("%+v %v", all, err)
	}
	admin, regular := get(t, s, "/v1/users/1/permissions").body, get(t, s, "/v1/users/2/permissions").body
	if !strings.Contains(admin, `"can_add_custom_fields":true`) || !strings.Contains(regular, `"can_add_custom_fields":false`) || !strings.Contains(regular, `"can_use_api":true`) {
		t.Errorf("%s\n%s", admin, regular)
	}
}

func TestTeams(t *testing.T) {
	s := company(t, Options{})
	const closers = `{"id":1,"name":"Closers","manager_id":1,"users":[2,3],"active_flag":1,"deleted_flag":0,"add_time":"2026-03-04 05:06:07","created_by_user_id":1}`
	const alpha = `{"id":2,"name":"Alpha","manager_id":2,"users":[],"active_flag":1,"deleted_flag":0,"add_time":"2026-03-04 05:06:07","created_by_user_id":1}`
	short := func(t string) string { return strings.NewReplacer(`"users":[2,3],`, "", `"users":[],`, "").Replace(t) }
	steps(t, s, []step{
		{"GET", "legacyTeams", "", 200, data(`[]`)},
		{"POST", "legacyTeams", `{"name":"Closers","manager_id":1,"users":[3,2,3]}`, 200, data(closers)},
		{"POST", "legacyTeams", `{"name":"Alpha","manager_id":2}`, 200, data(alpha)},
		{"GET", "legacyTeams", "", 200, data(`[` + closers + `,` + alpha + `]`)},
		{"GET", "legacyTeams?order_by=name&skip_users=1", "", 200, data(`[` + short(alpha) + `,` + short(closers) + `]`)},
		{"GET", "legacyTeams?order_by=x", "", 400, invalidBody("order_by: must be one of id, name, manager_id, active_flag")},
		{"GET", "legacyTeams?skip_users=true", "", 400, invalidBody("skip_users: must be 0 or 1")},
		{"GET", "legacyTeams/user/3", "", 200, data(`[` + closers + `]`)},
		{"GET", "legacyTeams/user/3?skip_users=1", "", 200, data(`[` + short(closers) + `]`)},
		{"GET", "legacyTeams/1", "", 200, data(closers)},
		{"GET", "legacyTeams/9", "", 404, `{"success":false,"error":"Team 9 does not exist"}`},
		{"PUT", "legacyTeams/9", `{}`, 404, `{"success":false,"error":"Team 9 does not exist"}`},
		{"PUT", "legacyTeams/1", `{"active_flag":true}`, 400, invalidBody("active_flag: must be an integer")},
		{"PUT", "legacyTeams/1", `{"active_flag":2}`, 400, invalidBody("active_flag: must be one of 0, 1")},
		{"PUT", "legacyTeams/2", `{"active_flag":0,"name":"Beta","manager_id":3}`, 200, data(strings.NewReplacer("Alpha", "Beta", `"manager_id":2`, `"manager_id":3`, `"active_flag":1`, `"active_flag":0`).Replace(alpha))},
		{"POST", "legacyTeams/1/users", `{"users":[1,2]}`, 200, data(`[1,2,3]`)},
		{"POST", "legacyTeams/1/users", `{}`, 400, invalidBody("users: is required")},
		{"DELETE", "legacyTeams/1/users", `{"users":[3,1]}`, 200, data(`[2]`)},
		{"GET", "legacyTeams/1/users", "", 200, data(`[2]`)},
		{"GET", "legacyTeams/9/users", "", 404, `{"success":false,"error":"Team 9 does not exist"}`},
	})
}

func TestFollowersAndSettings(t *testing.T) {
	s := company(t, Options{})
	steps(t, s, []step{
		{"GET", "users/2/followers", "", 200, data(`[1]`)},
		{"GET", "users/1/followers", "", 200, data(`[]`)},
		{"GET", "users/99/followers", "", 404, notFoundBody},
		{"GET", "userConnections", "", 200, data(`{"google":"sim-123-4567890"}`)},
	})
	if got := get(t, s, "/api/v2/users/2/followers"); got.body != `{"additional_data":{"next_cursor":null},"data":[{"user_id":1,"add_time":"2021-01-01T00:00:00Z"}],"success":true}` {
		t.Error(got.body)
	}
	if got := get(t, s, "/v1/userSettings"); got.status != 200 || !strings.Contains(got.body, `"list_limit":100`) {
		t.Error(got.body)
	}
}

func TestSeats(t *testing.T) {
	s := company(t, Options{Seats: 3})
	const full = `{"success":false,"error":"Your plan has no free seat for this user.","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null,"code":"feature_capping_users_limit"}`
	steps(t, s, []step{
		{"POST", "users", `{"email":"bo@example.org"}`, 403, full},
	})
	if got := send(t, s, "POST", "/v1/users", `{"email":"bo@example.org","active_flag":false}`); got.status != 200 {
		t.Errorf("an inactive user takes a seat: %d", got.status)
	}
	steps(t, s, []step{{"PUT", "users/4", `{"active_flag":true}`, 403, full}})
	if got := send(t, s, "PUT", "/v1/users/3", `{"active_flag":true}`); got.status != 200 {
		t.Errorf("who is active already needs no seat: %d", got.status)
	}
	send(t, s, "PUT", "/v1/users/3", `{"active_flag":false}`)
	if got := send(t, s, "PUT", "/v1/users/4", `{"active_flag":true}`); got.status != 200 {
		t.Errorf("a seat is free: %d %s", got.status, got.body)
	}
}

func TestSearchesHaveTheirOwnLimit(t *testing.T) {
	now := simtest.NewClock()
	s := New(Options{Seed: 1, People: 2, Burst: 5, Now: now.Now, Readings: map[string]string{"find_limit": "search"}})
	for i := range searchBurst {
		if got := get(t, s, "/v1/users/find?term=a"); got.status != 200 || got.header.Get("x-ratelimit-limit") != "10" {
			t.Fatalf("search %d: %d, limit %s", i, got.status, got.header.Get("x-ratelimit-limit"))
		}
	}
	if got := get(t, s, "/v1/users/find?term=a"); got.status != 429 || rate(got) != "10 0 2" {
		t.Errorf("one search too many: %d %s", got.status, rate(got))
	}
	if got := get(t, s, "/v1/users/me"); got.status != 200 {
		t.Errorf("something else: %d", got.status)
	}
}

func TestFaultsSpoilPagesOfRoles(t *testing.T) {
	for kind, want := range map[Kind]string{Half: `[3 4]`, DuplicateID: `[3 3 5]`, MissingID: `[3 null 5]`, PageRepeats: `[1 2 3]`, DataEmpty: `[]`} {
		s := company(t, Options{})
		if err := s.AddFault(Fault{Kind: kind, Route: "roles"}); err != nil {
			t.Fatal(err)
		}
		var l struct{ Data []struct{ ID *int } }
		if err := json.Unmarshal([]byte(get(t, s, "/v1/roles?start=2&limit=3").body), &l); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, r := range l.Data {
			if r.ID == nil {
				got = append(got, "null")
				continue
			}
			got = append(got, strconv.Itoa(*r.ID))
		}
		if text := "[" + strings.Join(got, " ") + "]"; text != want {
			t.Errorf("%s: %s, want %s", kind, text, want)
		}
	}
}
