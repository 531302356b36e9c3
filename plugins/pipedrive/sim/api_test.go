package sim

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

const (
	unauthorizedBody = `{"success":false,"error":"unauthorized access","errorCode":401}`
	notFoundBody     = `{"success":false,"error":"User not found or not accessible."}`
	forbiddenBody    = `{"success":false,"error":"You do not have permissions to do this.","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`
	notAllowedBody   = `{"success":false,"error":"Method not allowed","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`
	mediaTypeBody    = `{"success":false,"error":"Unsupported media type: use application/json","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`
	noPathBody       = `{"success":false,"error":"Not found"}`
	scopeBody        = `{"success":false,"error":"Scope and URL mismatch","errorCode":403}`
)

func invalidBody(text string) string {
	return `{"success":false,"error":"Validation failed: ` + text + `","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`
}

// Two people of seed 1: the caller, and one whose address is not the caller's.
const (
	adaBody = `{"id":1,"name":"Ada Novak","default_currency":"EUR","locale":"fr_FR","lang":14,"email":"ada.novak1@example.org","phone":"+420 555 235784",` +
		`"activated":true,"last_login":"2020-03-22 06:45:00","created":"2019-10-03 05:38:00","modified":"2020-03-22 06:46:00","has_created_company":true,` +
		`"access":[{"app":"sales","admin":true,"permission_set_id":"0b7c4f6e-5d7a-4e0b-9a55-6f3f1d0c2a11"},{"app":"global","admin":true,"permission_set_id":"ec8a42e5-1842-490d-9113-b3a3b4b1c0a9"},{"app":"account_settings","admin":true,"permission_set_id":"7d1e0f52-1c43-4be1-8a35-5a0d7a3f9e21"}],` +
		`"active_flag":true,"timezone_name":"Europe/Paris","timezone_offset":"+01:00","role_id":4,"icon_url":null,"is_you":true,"is_deleted":false`
	companyBody = `,"company_id":1234,"company_name":"Example Company","company_domain":"example-co","company_country":"CZ","company_industry":"Technology","language":{"language_code":"en","country_code":"GB"}`
	boBody      = `{"id":3,"name":"bo","default_currency":"EUR","locale":"en_GB","lang":1,"email":"bo@example.org","phone":null,` +
		`"activated":false,"last_login":"2026-03-04 05:06:07","created":"2026-03-04 05:06:07","modified":"2026-03-04 05:06:07","has_created_company":false,` +
		`"access":[{"app":"sales","admin":false,"permission_set_id":"f07d229d-088a-4144-a40f-1fe64295d180"}],` +
		`"active_flag":true,"timezone_name":"Europe/Berlin","timezone_offset":"+01:00","role_id":1,"icon_url":null,"is_you":false,"is_deleted":false}`
	deletedBody = `{"success":true,"data":{"id":2,"name":"(deleted user)","default_currency":"VND","locale":"vi_VN",`
)

func data(body string) string { return `{"success":true,"data":` + body + `}` }

func TestRequestsAndExactAnswers(t *testing.T) {
	token := []string{"x-api-token", "sim-api-token"}
	asJSON := append([]string{"Content-Type", "application/json"}, token...)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string
	}{
		{"me", "GET", "/v1/users/me", "", token, 200, data(adaBody + companyBody + "}")},
		{"other prefix", "GET", "/api/v1/users/1", "", token, 200, data(adaBody + "}")},
		{"find by e-mail", "GET", "/v1/users/find?term=ADA.&search_by_email=1", "", token, 200, data("[" + adaBody + "}]")},
		{"find nobody", "GET", "/v1/users/find?term=zzz", "", token, 200, data("[]")},
		{"find without term", "GET", "/v1/users/find", "", token, 400, invalidBody("term: is required")},
		{"find with a wrong flag", "GET", "/v1/users/find?term=a&search_by_email=true", "", token, 400, invalidBody("search_by_email: must be 0 or 1")},
		{"no such user", "GET", "/v1/users/3", "", token, 404, notFoundBody},
		{"id is a word", "GET", "/v1/users/x", "", token, 400, invalidBody("id: must be a positive integer")},
		{"id is zero", "GET", "/v1/users/0", "", token, 400, invalidBody("id: must be a positive integer")},
		{"users are not in v2", "GET", "/api/v2/users", "", token, 404, noPathBody},
		{"user is not in v2", "GET", "/api/v2/users/1", "", token, 404, noPathBody},
		{"no prefix", "GET", "/users", "", token, 404, noPathBody},
		{"slash at the end", "GET", "/v1/users/", "", token, 404, noPathBody},
		{"below a user", "GET", "/v1/users/1/x", "", token, 404, noPathBody},
		{"no delete", "DELETE", "/v1/users/1", "", token, 405, notAllowedBody},
		{"no patch", "PATCH", "/v1/users/1", "", token, 405, notAllowedBody},
		{"no put on the list", "PUT", "/v1/users", "", token, 405, notAllowedBody},
		{"no post on me", "POST", "/v1/users/me", "", token, 405, notAllowedBody},
		{"no credentials", "GET", "/v1/users", "", nil, 401, unauthorizedBody},
		{"wrong token", "GET", "/v1/users", "", []string{"x-api-token", "nope"}, 401, unauthorizedBody},
		{"token in the query", "GET", "/v1/users?api_token=sim-api-token", "", nil, 401, unauthorizedBody},
		{"token in both", "GET", "/v1/users?api_token=sim-api-token", "", token, 401, unauthorizedBody},
		{"unknown bearer", "GET", "/v1/users", "", []string{"Authorization", "Bearer v1u:no"}, 401, `{"success":false,"error":"Invalid token: access_token is invalid","errorCode":401}`},
		{"basic", "GET", "/v1/users", "", []string{"Authorization", "Basic eDp5"}, 400, `{"success":false,"error":"Invalid request: malformed authorization header","errorCode":400}`},
		{"bearer of nothing", "GET", "/v1/users", "", []string{"Authorization", "Bearer"}, 400, `{"success":false,"error":"Invalid request: malformed authorization header","errorCode":400}`},
		{"invitation", "POST", "/v1/users", `{"email":"bo@example.org"}`, asJSON, 200, data(boBody)},
		{
			"deactivate", "PUT", "/v1/users/1", `{"active_flag":false}`, asJSON, 200,
			data(strings.NewReplacer(`"active_flag":true`, `"active_flag":false`, `"modified":"2020-03-22 06:46:00"`, `"modified":"2026-03-04 05:06:07"`).Replace(adaBody) + "}"),
		},
		{"put on nobody", "PUT", "/v1/users/99", `{"active_flag":false}`, asJSON, 404, notFoundBody},
		{"form instead of JSON", "POST", "/v1/users", `email=bo@example.org`, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, token...), 415, mediaTypeBody},
		{"no content type", "PUT", "/v1/users/1", `{"active_flag":false}`, token, 415, mediaTypeBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Seed: 1, People: 2, Now: simtest.NewClock().Now})
			got := do(t, s, c.method, c.path, c.body, c.header...)
			if got.status != c.status || got.body != c.want {
				t.Errorf("got %d %s\nwant %d %s", got.status, got.body, c.status, c.want)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
				t.Errorf("content type %q", ct)
			}
		})
	}
}

func TestMethodNotAllowedNamesTheAllowedOnes(t *testing.T) {
	s := New(Options{})
	for path, want := range map[string]string{"/v1/users": "GET, POST", "/v1/users/1": "GET, PUT", "/v1/users/me": "GET"} {
		if got := send(t, s, "DELETE", path, "").header.Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

func TestWriteBodiesAreRefused(t *testing.T) {
	const access = `{"email":"bo@example.org","access":`
	for _, c := range []struct{ method, body, want string }{
		{"POST", ``, "body: is not valid JSON"},
		{"POST", `[]`, "body: must be a JSON object"},
		{"POST", `{"email":"bo@example.org"`, "body: is not valid JSON"},
		{"POST", `{"email":"bo@example.org"} {}`, "body: has text behind the value"},
		{"POST", `{"email":"bo@example.org","email":"c@example.org"}`, "email: is given twice"},
		{"POST", `{}`, "email: is required"},
		{"POST", `{"email":null}`, "email: must be a string"},
		{"POST", `{"email":7}`, "email: must be a string"},
		{"POST", `{"email":"bo"}`, "email: must be an e-mail address"},
		{"POST", `{"email":"Bo <bo@example.org>"}`, "email: must be an e-mail address"},
		{"POST", `{"email":"Ada.Novak1@EXAMPLE.org"}`, "email: is already in use"},
		{"POST", `{"email":"bo@example.org","name":"Bo"}`, "name: is not allowed"},
		{"POST", `{"email":"bo@example.org","active_flag":1}`, "active_flag: must be a boolean"},
		{"POST", `{"email":"bo@example.org","active_flag":null}`, "active_flag: must be a boolean"},
		{"POST", access + `{}}`, "access: must be an array"},
		{"POST", access + `null}`, "access: must be an array"},
		{"POST", access + `[]}`, "access: must not be empty"},
		{"POST", access + `[7]}`, "access[0]: must be an object"},
		{"POST", access + `[{"app":"sales"},{"app":"x"}]}`, "access[1].app: must be one of global, sales, campaigns, projects, account_settings, partnership, nova"},
		{"POST", access + `[{"app":"sales","admin":"yes"}]}`, "access[0].admin: must be a boolean"},
		{"POST", access + `[{"app":"sales","permission_set_id":"x"}]}`, "access[0].permission_set_id: must be a UUID"},
		{"POST", access + `[{"app":"sales","admin":true,"permission_set_id":"f07d229d-088a-4144-a40f-1fe64295d180"}]}`, "access[0].admin: either this or permission_set_id"},
		{"POST", access + `[{"app":"sales","role":1}]}`, "access[0].role: is not allowed"},
		{"PUT", `{}`, "active_flag: is required"},
		{"PUT", `{"active_flag":"false"}`, "active_flag: must be a boolean"},
		{"PUT", `{"active_flag":0}`, "active_flag: must be a boolean"},
		{"PUT", `{"active_flag":false,"name":"x"}`, "name: is not allowed"},
		{"PUT", `{"email":"bo@example.org"}`, "email: is not allowed"},
		{"POST", access + `[{"app":"sales","permission_set_id":"62cc4d7f-4038-4352-abf3-a8c1c822b631"}]}`, "access[0].permission_set_id: must be a permission set of the app"},
		{"POST", access + `[{"app":"global","permission_set_id":"f07d229d-088a-4144-a40f-1fe64295d180"}]}`, "access[0].permission_set_id: must be a permission set of the app"},
		{"POST", access + `[{"admin":true}]}`, "access[0].app: is required"},
	} {
		s := New(Options{Seed: 1, People: 2})
		path := "/v1/users"
		if c.method == "PUT" {
			path += "/1"
		}
		got := send(t, s, c.method, path, c.body)
		if got.status != 400 || got.body != invalidBody(c.want) {
			t.Errorf("%s %s: got %d %s", c.method, c.body, got.status, got.body)
		}
		if n := s.Count(); n.Total != 2 || n.Inactive != 0 {
			t.Errorf("%s %s: changed people: %+v", c.method, c.body, n)
		}
	}
}

func TestWritesStay(t *testing.T) {
	s := New(Options{Seed: 1, People: 5})
	got := send(t, s, "POST", "/v1/users", `{"email":"Bo@example.org","access":[{"app":"global","admin":true},{"app":"sales","permission_set_id":"0b7c4f6e-5d7a-4e0b-9a55-6f3f1d0c2a11"}],"active_flag":false}`)
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	bo := decode(t, get(t, s, "/v1/users")).Data[5]
	if bo.ID != 6 || bo.Name != "Bo" || bo.ActiveFlag || !bo.Access[0].Admin || bo.Access[1].PermissionSetID != "0b7c4f6e-5d7a-4e0b-9a55-6f3f1d0c2a11" {
		t.Errorf("invited: %+v", bo)
	}
	if again := send(t, s, "POST", "/v1/users", `{"email":"bo@example.org"}`); again.status != 400 {
		t.Errorf("a second invitation: %d %s", again.status, again.body)
	}
	send(t, s, "PUT", "/v1/users/6", `{"active_flag":true}`)
	if u, err := s.User(6); err != nil || !u.ActiveFlag {
		t.Errorf("activated: %+v, %v", u, err)
	}
}

func TestRights(t *testing.T) {
	s := New(Options{Seed: 1, People: 3, NoAdmin: true, NoAccountSettings: true})
	for _, r := range [][2]string{{"POST", "/v1/users"}, {"PUT", "/v1/users/2"}} {
		if got := send(t, s, r[0], r[1], `{}`); got.status != 403 || got.body != forbiddenBody {
			t.Errorf("%s: %d %s", r, got.status, got.body)
		}
	}
	all := get(t, s, "/v1/users")
	if strings.Contains(all.body, `"modified"`) {
		t.Error("modified is shown without access to the account settings")
	}
	for _, u := range decode(t, all).Data {
		if u.IsYou == (u.Phone.Value == "") {
			t.Errorf("user %d: is_you %v, phone %+v", u.ID, u.IsYou, u.Phone)
		}
	}
}

func TestScopes(t *testing.T) {
	s := New(Options{Seed: 1, People: 3})
	for _, c := range []struct{ method, path, scope string }{
		{"GET", "/v1/users", "users:read"},
		{"GET", "/v1/users/2", "users:read"},
		{"GET", "/v1/users/find?term=a", "users:read"},
		{"GET", "/v1/users/me", "base"},
		{"POST", "/v1/users", "admin"},
		{"PUT", "/v1/users/2", "admin"},
	} {
		for _, scope := range []string{"base", "users:read", "admin", "deals:read"} {
			got := do(t, s, c.method, c.path, "{}", "Authorization", "Bearer "+s.IssueAccessToken(scope), "Content-Type", "application/json")
			if refused := got.status == http.StatusForbidden && got.body == scopeBody; refused == (scope == c.scope) {
				t.Errorf("%s %s with %s: %d %s", c.method, c.path, scope, got.status, got.body)
			}
		}
	}
}

func TestPermanentlyDeletedUserKeepsARow(t *testing.T) {
	s := New(Options{Seed: 1, People: 2})
	if _, err := s.Delete(2); err != nil {
		t.Fatal(err)
	}
	got := get(t, s, "/v1/users/2")
	u, _ := s.User(2)
	if !strings.HasPrefix(got.body, deletedBody) || !u.IsDeleted || u.ActiveFlag || u.Email.Value != "(deleted user)" || u.Phone.Value != "(deleted user)" || u.IconURL.Value != "(deleted user)" {
		t.Errorf("%s", got.body)
	}
	if put := send(t, s, "PUT", "/v1/users/2", `{"active_flag":true}`); put.status != 404 {
		t.Errorf("activated a deleted user: %d", put.status)
	}
}

func TestOneOfManyEqualInvitationsWins(t *testing.T) {
	s := New(Options{Seed: 1, People: 2, Unlimited: true, Seats: 3})
	var wg sync.WaitGroup
	var won atomic.Int64
	for range 20 {
		wg.Go(func() {
			if send(t, s, "POST", "/v1/users", `{"email":"bo@example.org"}`).status == 200 {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || s.Count().Total != 3 {
		t.Errorf("%d invitations, %+v", won.Load(), s.Count())
	}
}
