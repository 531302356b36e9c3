package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

func TestFormsOfAuthorization(t *testing.T) {
	s := unlimited(1)
	session := decodeAs[struct{ Token string }](t, do(t, s, "POST", "/auth/1/session", `{"username":"sim-user","password":"sim-password"}`, "Content-Type", "application/json")).Token
	access := decodeAs[struct {
		Token string `json:"access_token"`
	}](t, oauth(t, s, "grant_type=client_credentials&client_id=sim-user&client_secret=sim-password")).Token
	for header, want := range map[string]int{
		"App sim-api-key":                    200,
		"App  sim-api-key":                   401,
		"App other":                          401,
		"app sim-api-key":                    401,
		"Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk": 200, // sim-user:sim-password
		"Basic c2ltLXVzZXI6d3Jvbmc=":         401, // sim-user:wrong
		"Basic %%%":                          401,
		"IBSSO " + session:                   200,
		"IBSSO " + access:                    401,
		"Bearer " + access:                   200,
		"Bearer " + session:                  401,
		"Bearer sim-api-key":                 401,
		"sim-api-key":                        401,
		"":                                   401,
	} {
		var headers []string
		if header != "" {
			headers = []string{"Authorization", header}
		}
		got := do(t, s, "GET", persons+by("ID", "1"), "", headers...)
		if got.status != want {
			t.Errorf("%q: %d, want %d", header, got.status, want)
		}
		if want == 401 && got.body != `{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Unauthorized"}}}` {
			t.Errorf("%q: %s", header, got.body)
		}
	}
	expect(t, do(t, s, "GET", persons, "", "Authorization", "App sim-api-key", "Authorization", "App sim-api-key"), 401)
}

func TestReplacedAPIKey(t *testing.T) {
	s := unlimited(1)
	s.SetAPIKey("new")
	expect(t, get(t, s, persons), 401)
	expect(t, do(t, s, "GET", persons, "", "Authorization", "App new"), 200)
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(*Server, *simtest.Clock, string){
		"after an hour": func(_ *Server, c *simtest.Clock, _ string) { c.Advance(time.Hour) },
		"by DELETE": func(s *Server, _ *simtest.Clock, token string) {
			expect(t, do(t, s, "DELETE", "/auth/1/session", "", "Authorization", "IBSSO "+token), 204)
		},
		"by control": func(s *Server, _ *simtest.Clock, _ string) { s.ExpireTokens() },
	} {
		c := simtest.NewClock()
		s := New(Options{People: 1, Now: c.Now, Unlimited: true})
		token := decodeAs[struct{ Token string }](t, do(t, s, "POST", "/auth/1/session", `{"username":"sim-user","password":"sim-password","unsafe":true}`, "Content-Type", "application/json")).Token
		c.Advance(time.Hour - time.Second)
		expect(t, do(t, s, "GET", persons, "", "Authorization", "IBSSO "+token), 200)
		end(s, c, token)
		if got := do(t, s, "GET", persons, "", "Authorization", "IBSSO "+token); got.status != 401 {
			t.Errorf("%s: %d", name, got.status)
		}
		expect(t, do(t, s, "DELETE", "/auth/1/session", "", "Authorization", "IBSSO "+token), 401)
	}
}

func TestSessionIsStrict(t *testing.T) {
	s := unlimited(1)
	for body, want := range map[string]int{
		`{"username":"sim-user","password":"wrong"}`:                        401,
		`{"username":"sim-user"}`:                                           400,
		`{"username":1,"password":"sim-password"}`:                          400,
		`{"username":"sim-user","password":"sim-password","unsafe":"yes"}`:  400,
		`{"username":"sim-user","password":"sim-password","remember":true}`: 400,
		`{"username":"sim-user","username":"sim-user","password":"x"}`:      400,
		`{"username":"sim-user","password":"sim-password"} {}`:              400,
		`["sim-user"]`: 400,
		``:             400,
	} {
		if got := do(t, s, "POST", "/auth/1/session", body, "Content-Type", "application/json"); got.status != want {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	expect(t, do(t, s, "POST", "/auth/1/session", `{}`), 415)
	expect(t, send(t, s, "DELETE", "/auth/1/session", ""), 401)
}

func oauth(t *testing.T, s *Server, form string) exchange {
	t.Helper()
	return do(t, s, "POST", "/auth/1/oauth2/token", form, "Content-Type", "application/x-www-form-urlencoded")
}

func TestOAuth(t *testing.T) {
	c := simtest.NewClock()
	s := New(Options{People: 1, Now: c.Now})
	const right = "grant_type=client_credentials&client_id=sim-user&client_secret=sim-password"
	got := oauth(t, s, right)
	expect(t, got, 200, `"expires_in":3600`, `"token_type":"Bearer"`)
	token := decodeAs[map[string]any](t, got)["access_token"].(string)
	c.Advance(time.Hour - time.Second)
	expect(t, do(t, s, "GET", persons, "", "Authorization", "Bearer "+token), 200)
	c.Advance(time.Second)
	expect(t, do(t, s, "GET", persons, "", "Authorization", "Bearer "+token), 401)

	for form, want := range map[string]struct {
		status int
		code   string
	}{
		"grant_type=client_credentials&client_id=sim-user&client_secret=wrong":        {401, "invalid_client"},
		"grant_type=authorization_code&client_id=sim-user&client_secret=sim-password": {400, "unsupported_grant_type"},
		"grant_type=client_credentials&client_id=sim-user":                            {400, "invalid_request"},
		"client_id=sim-user&client_secret=sim-password":                               {400, "invalid_request"},
		right + "&scope=people":       {400, "invalid_request"},
		right + "&client_id=sim-user": {400, "invalid_request"},
		"%zz":                         {400, "invalid_request"},
	} {
		c.Advance(time.Second)
		expect(t, oauth(t, s, form), want.status, `{"error":"`+want.code+`","requestError":{"serviceException":{`)
	}
	expect(t, do(t, s, "POST", "/auth/1/oauth2/token", right, "Content-Type", "application/json"), 415, `"error":"invalid_request"`)
	expect(t, do(t, s, "GET", "/auth/1/oauth2/token", ""), 405)
}

func TestOAuthIsThrottled(t *testing.T) {
	s := New(Options{Now: simtest.NewClock().Now})
	for range 10 {
		oauth(t, s, "x=1")
	}
	expect(t, oauth(t, s, "x=1"), 429, `"error":"too_many_requests"`, "TOO_MANY_REQUESTS")
}

// TestScopes takes from the caller all that an operation needs, and nothing else.
func TestScopes(t *testing.T) {
	forbidden := `{"requestError":{"serviceException":{"messageId":"FORBIDDEN","text":"Forbidden"}}}`
	s := unlimited(3)
	for _, rt := range s.routes {
		path := "/" + strings.ReplaceAll(strings.Join(rt.path, "/"), "*", "VIP")
		for method, op := range rt.ops {
			if op.open {
				continue
			}
			var others []string
			for _, scope := range AllScopes() {
				if !strings.Contains(strings.Join(op.scopes, " "), scope) {
					others = append(others, scope)
				}
			}
			s.SetScopes(others...)
			got := do(t, s, method, path, "", "Authorization", "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk")
			if got.status != 403 || (rt.errors != newErrors && got.body != forbidden) {
				t.Errorf("%s %s without its scopes: %d %s", method, path, got.status, got.body)
			}
			for _, scope := range op.scopes {
				s.SetScopes(scope)
				if got := do(t, s, method, path, "", "Authorization", "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk"); got.status == 403 || got.status == 401 {
					t.Errorf("%s %s with %s: %d", method, path, scope, got.status)
				}
			}
			if expect := method != "GET" && rt.name != routeMatch; expect && len(op.scopes) != 1 {
				t.Errorf("%s %s: a write with %v", method, path, op.scopes)
			}
		}
	}
}

func TestKeysRefuseApp(t *testing.T) {
	s := unlimited(1)
	expect(t, get(t, s, "/settings/2/api-keys"), 401, `"errorCode":"E401"`, `"violations":[]`)
	expect(t, do(t, s, "GET", "/settings/2/api-keys", "", "Authorization", "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk"), 200, `"results":[`)
	expect(t, do(t, s, "GET", "/settings/2/api-keys", ""), 401, `"errorCode":"E401"`)
	s.SetScopes(peopleManage)
	expect(t, get(t, s, "/settings/2/api-keys"), 403, `"errorCode":"E403"`)
}

func TestPathsAndMethods(t *testing.T) {
	s := unlimited(1)
	for _, path := range []string{"/", "/people/2", "/people/1/persons", "/people/2/persons/1", "/people/2/persons/", "/people/2/companies", "/people/3/lists", "/settings/1/users", "/scim/v2/Users"} {
		expect(t, get(t, s, path), 404, "NOT_FOUND")
		expect(t, do(t, s, "GET", path, ""), 401)
	}
	got := send(t, s, "PUT", "/people/2/tags", "{}")
	expect(t, got, 405)
	if got.header.Get("Allow") != "GET, POST" {
		t.Error(got.header.Get("Allow"))
	}
}

func TestAccounts(t *testing.T) {
	s := unlimited(1)
	expect(t, get(t, s, "/settings/1/accounts"), 200, `{"accounts":[{"key":"`, `"ownerKey":"`, "Example Trial")
	for query, want := range map[string]int{"?limit=1": 1, "?enabled=false": 1, "?enabled=true": 2, "?name=sales": 1, "?name=zzz": 0} {
		got := decodeAs[struct{ Accounts []Account }](t, get(t, s, "/settings/1/accounts"+query))
		if len(got.Accounts) != want {
			t.Errorf("%s: %v", query, got.Accounts)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=x", "?enabled=1", "?page=1"} {
		expect(t, get(t, s, "/settings/1/accounts"+query), 400, "validationErrors")
	}
}
