package connector

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func pipedriveVendor() vendor {
	return vendor{
		name: "pipedrive", profile: abi.AuthAPIKey, secret: "sim-api-token", price: tokens,
		authorize: func(h http.Header) { h.Set("x-api-token", "sim-api-token") },
		simulator: func(*stage) http.Handler {
			return sim.New(sim.Options{Seed: 1, People: 5, Unlimited: true, Now: epoch})
		},
		settings:  map[string]any{"webhook_url": "https://hooks.example.com/pipedrive", "team_manager_id": 1},
		lists:     []string{"/v1/users", "/v1/roles?limit=500", "/v1/legacyTeams", "/v1/webhooks", "/api/v2/persons?limit=500"},
		endpoints: map[string]func(*stage){"users": nil, "roles": aRole, "permission_sets": nil, "teams": aTeam, "persons": aContact, "webhooks": aHook},
		webhooks:  pipedriveWebhooks(),
	}
}

// set gives a setting the id of something.
func (s *stage) set(name, id string) {
	s.Helper()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	s.settings[name] = n
}

// made makes something past the connector, and returns its id.
func (s *stage) made(path, body string) string {
	s.Helper()
	return fmt.Sprint(at(s.do(http.MethodPost, path, body), "/data/id"))
}

func aRole(s *stage) {
	s.link = s.made("/v1/roles", `{"name":"Sales"}`)
	s.watched = append(s.watched, "/v1/roles/"+s.link+"/settings", "/v1/roles/"+s.link+"/assignments")
}
func aTeam(s *stage)    { s.link = s.made("/v1/legacyTeams", `{"name":"North","manager_id":1}`) }
func aHook(s *stage)    { s.set("webhook_id", s.made("/v1/webhooks", hookBody)) }
func aUser(s *stage)    { s.link = "2" }
func aContact(s *stage) { s.link = s.made("/api/v2/persons", contactBody) }

const (
	hookBody    = `{"subscription_url":"https://hooks.example.com/x","event_action":"*","event_object":"user","name":"x"}`
	contactBody = `{"name":"Bo Ek","emails":[{"value":"bo.ek@example.org","primary":true,"label":"work"}],"phones":[{"value":"+46 8 123","primary":true,"label":"work"}]}`
)

func inRole(s *stage) {
	aRole(s)
	s.set("role_id", s.link)
	s.link = "2"
}

func inTeam(s *stage) {
	aTeam(s)
	s.set("team_id", s.link)
	s.link = "2"
}

func aPermissionSet(s *stage) {
	s.settings["permission_set_id"] = fmt.Sprint(at(s.do(http.MethodGet, "/v1/permissionSets", ""), "/data/0/id"))
}

// is wants a value in what a path answers.
func is(path, pointer string, want any) func(*stage) string {
	return func(s *stage) string {
		return differs(at(s.do(http.MethodGet, fmt.Sprintf(path, s.link), ""), pointer), want)
	}
}

// gone wants a path to be answered as what is not there, or no longer.
func gone(path string) func(*stage) string {
	return func(s *stage) string {
		status, answer := s.ask(http.MethodGet, fmt.Sprintf(path, s.link), "")
		if status == http.StatusNotFound || at(answer, "/data/is_deleted") == true {
			return ""
		}
		return fmt.Sprintf("it is still there: %d %v", status, answer)
	}
}

// answers wants a value in the answer.
func answers(pointer string, want func(*stage) any) func(*stage, any) string {
	return func(s *stage, answer any) string { return differs(at(answer, pointer), want(s)) }
}

func linked(s *stage) any { return s.link }

// one is the element of a list that has the value of an attribute of AD.
func one(path, pointer, attribute string) func(*stage) any {
	return func(s *stage) any {
		return with(at(s.do(http.MethodGet, path, ""), "/data"), pointer, fmt.Sprint(s.ad[attribute]))
	}
}

// there wants that element, and its id as the link.
func there(element func(*stage) any) operation {
	return operation{
		done: func(s *stage) string {
			if element(s) == nil {
				return "there is not exactly one"
			}
			return ""
		},
		key: func(s *stage) string { return fmt.Sprint(at(element(s), "/id")) },
	}
}

// member wants user 2 among the members that a path lists, or not.
func member(path, setting string, want bool) func(*stage) string {
	return func(s *stage) string {
		list := at(s.do(http.MethodGet, fmt.Sprintf(path, s.settings[setting]), ""), "/data")
		elements, _ := list.([]any)
		is := with(list, "/user_id", "2") != nil
		for _, e := range elements {
			is = is || fmt.Sprint(e) == "2"
		}
		return differs(is, want)
	}
}

func pipedriveWebhooks() map[string]operation {
	create := there(one("/v1/users", "/email", "mail"))
	role := there(one("/v1/roles?limit=500", "/name", "cn"))
	team := there(one("/v1/legacyTeams", "/name", "cn"))
	contact := there(one("/api/v2/persons?limit=500", "/name", "displayName"))
	contact.done = func(s *stage) string {
		p := one("/api/v2/persons?limit=500", "/name", "displayName")(s)
		return differs(fmt.Sprint(at(p, "/emails/0/value"), at(p, "/phones/0/value")), fmt.Sprint(s.ad["mail"], s.ad["telephoneNumber"]))
	}
	return map[string]operation{
		"me":       {reads: answers("/data/id", func(*stage) any { return 1 })},
		"get_user": {prepare: aUser, reads: answers("/data/id", linked)},
		"find_user": {
			prepare: func(s *stage) { s.ad["mail"] = at(s.do(http.MethodGet, "/v1/users/2", ""), "/data/email") },
			reads:   answers("/data/0/id", func(*stage) any { return 2 }),
			key:     func(*stage) string { return "2" },
		},
		"create_user": create,
		"activate_user": {
			prepare: func(s *stage) { aUser(s); s.do(http.MethodPut, "/v1/users/2", `{"active_flag":false}`) },
			done:    is("/v1/users/%s", "/data/active_flag", true),
		},
		"deactivate_user":   {prepare: aUser, done: is("/v1/users/%s", "/data/active_flag", false)},
		"get_role":          {prepare: aRole, reads: answers("/data/id", linked)},
		"create_role":       role,
		"update_role":       {prepare: aRole, done: func(s *stage) string { return differs(role.key(s), s.link) }},
		"delete_role":       {prepare: aRole, done: gone("/v1/roles/%s"), ends: true},
		"get_role_settings": {prepare: aRole, reads: answers("/success", func(*stage) any { return true })},
		"set_role_setting": {
			prepare: func(s *stage) { aRole(s); s.settings["role_setting_value"] = 3 },
			done:    is("/v1/roles/%s/settings", "/data/deal_default_visibility", 3),
		},
		"assign_role": {prepare: inRole, done: member("/v1/roles/%v/assignments", "role_id", true)},
		"unassign_role": {
			prepare: func(s *stage) {
				inRole(s)
				s.do(http.MethodPost, fmt.Sprintf("/v1/roles/%v/assignments", s.settings["role_id"]), `{"user_id":2}`)
			},
			done: member("/v1/roles/%v/assignments", "role_id", false),
		},
		"get_permission_set":       {prepare: aPermissionSet, reads: answers("/success", func(*stage) any { return true })},
		"get_permission_set_users": {prepare: aPermissionSet, reads: answers("/success", func(*stage) any { return true })},
		"get_team":                 {prepare: aTeam, reads: answers("/data/id", linked)},
		"create_team":              team,
		"update_team":              {prepare: aTeam, done: func(s *stage) string { return differs(team.key(s), s.link) }},
		"add_team_users":           {prepare: inTeam, done: member("/v1/legacyTeams/%v/users", "team_id", true)},
		"remove_team_users": {
			prepare: func(s *stage) {
				inTeam(s)
				s.do(http.MethodPost, fmt.Sprintf("/v1/legacyTeams/%v/users", s.settings["team_id"]), `{"users":[2]}`)
			},
			done: member("/v1/legacyTeams/%v/users", "team_id", false),
		},
		"get_person": {prepare: aContact, reads: answers("/data/id", linked)},
		"search_person": {
			prepare: func(s *stage) { aContact(s); s.ad["mail"] = "bo.ek@example.org" },
			reads:   answers("/data/items/0/item/id", linked),
			key:     func(s *stage) string { return s.link },
		},
		"create_person": contact,
		"update_person": {prepare: aContact, done: func(s *stage) string {
			p := at(s.do(http.MethodGet, "/api/v2/persons/"+s.link, ""), "/data")
			return differs(fmt.Sprint(at(p, "/name"), at(p, "/emails/0/value"), at(p, "/emails/1"), at(p, "/phones/0/value")),
				fmt.Sprint(s.ad["displayName"], s.ad["mail"], nil, "+46 8 123"))
		}},
		"delete_person": {prepare: aContact, done: gone("/api/v2/persons/%s"), ends: true},
		"register_webhook": {done: func(s *stage) string {
			if with(at(s.do(http.MethodGet, "/v1/webhooks", ""), "/data"), "/subscription_url", "https://hooks.example.com/pipedrive") == nil {
				return "there is not exactly one subscription"
			}
			return ""
		}},
		"delete_webhook": {prepare: aHook, done: func(s *stage) string {
			return differs(with(at(s.do(http.MethodGet, "/v1/webhooks", ""), "/data"), "/subscription_url", "https://hooks.example.com/x"), nil)
		}},
	}
}
