package fit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// joinManifest is of a connector with users, their salaries, and objects of a kind of
// their own.
func joinManifest() abi.Manifest {
	m := abi.Manifest{
		Name: "pipedrive", BaseURL: "https://api.example.com", Auth: []abi.AuthProfile{{Kind: abi.AuthAPIKey}},
		Endpoints: []abi.Endpoint{
			{Name: "users", Path: "/v1/users", Key: "/id", One: &abi.One{Path: "/v1/users/{{ key }}"}},
			{Name: "hr", Path: "/v1/hr", Key: "/id", Scopes: []string{"hr:read"}, One: &abi.One{Path: "/v1/hr/{{ key }}"}},
			{Name: "cards", Path: "/v1/cards", Key: "/number", Kind: "card", Attributes: []abi.Attribute{
				{Name: "number", Type: abi.TypeInt}, {Name: "owner", Type: abi.TypeInt}, {Name: "holder", Type: abi.TypeString, Value: "user.owner"},
			}},
			{Name: "news", Path: "/v1/news", Key: "/id", Mode: abi.ModeChanges},
		},
	}
	users := []abi.Attribute{{Name: "id", Type: abi.TypeInt}}
	for _, name := range []string{"name", "email", "title"} {
		users = append(users, abi.Attribute{Name: name, Type: abi.TypeString})
	}
	users = append(users, abi.Attribute{Name: "active_flag", Type: abi.TypeBool}, abi.Attribute{Name: "is_deleted", Type: abi.TypeBool})
	m.Endpoints[0].Attributes = users
	m.Endpoints[1].Attributes = append(slices.Clone(users), abi.Attribute{Name: "grade", Type: abi.TypeInt},
		abi.Attribute{Name: "level", Type: abi.TypeString, Value: `"L" + string(user.grade)`})
	m.Normalize()
	return m
}

// What becomes of a further endpoint: by which field it is joined, which of its fields
// are fetched, and whether a single record of it can be asked for.
func TestFurtherEndpoints(t *testing.T) {
	for name, c := range map[string]struct{ endpoints, own, title, key, fields, noOne, wrong, warns string }{
		"the connector's":                   {`"users", "hr"`, "", "endpoints.hr.title", "/id", "id title", "", "", ""},
		"a derived field":                   {`"users", "hr"`, "", "endpoints.hr.level", "/id", "grade id", "", "", ""},
		"a key of the file":                 {`"users", "hr"`, "[applications.pipedrive.endpoints.hr]\nkey = \"/email\"", "endpoints.hr.title", "/email", "email title", "the configuration changes the key of the endpoint", "", ""},
		"an unknown field":                  {`"users", "hr"`, "", "endpoints.hr.titel", "/id", "id titel", "", "", `uses endpoints.hr.titel, which connector pipedrive does not list (did you mean "endpoints.hr.title"?)`},
		"another kind":                      {`"users", "cards"`, "", "endpoints.cards.number", "", "", "", `has records of the kind card, and users of the kind user: number 7`, ""},
		"another kind, by hand":             {`"users", "cards"`, "[applications.pipedrive.endpoints.cards]\nkey = \"/owner\"", "string(endpoints.cards.number)", "/owner", "number owner", "neither its connector", "", ""},
		"another kind, its own key by hand": {`"users", "cards"`, "[applications.pipedrive.endpoints.cards]\nkey = \"/number\"", "string(endpoints.cards.number)", "", "", "", `has records of the kind card, and users of the kind user: number 7`, ""},
		"one's own":                         {`"users", "deals"`, "[applications.pipedrive.endpoints.deals]\npath = \"/v1/deals\"\nkey = \"/id\"", "endpoints.deals.title", "", "", "", `endpoint deals does not say what /id names`, ""},
		"one's own with a kind":             {`"users", "deals"`, "[applications.pipedrive.endpoints.deals]\npath = \"/v1/deals\"\nkey = \"/user_id\"\nkind = \"user\"", "endpoints.deals.title", "/user_id", "title user_id", "neither its connector", "", ""},
		"one's own of another kind":         {`"users", "deals"`, "[applications.pipedrive.endpoints.deals]\npath = \"/v1/deals\"\nkey = \"/id\"\nkind = \"deal\"", "endpoints.deals.title", "", "", "", `has a key of the kind deal, and users of the kind user`, ""},
		"one's own leads":                   {`"deals", "users"`, "[applications.pipedrive.endpoints.deals]\npath = \"/v1/deals\"\nkey = \"/id\"", "endpoints.users.title", "", "", "", `is joined to deals, of which nobody says what its records are: set kind in [applications.pipedrive.endpoints.deals]`, ""},
		"a derived key":                     {`"users", "cards"`, "[applications.pipedrive.endpoints.cards]\nkey = \"/holder\"", "string(endpoints.cards.number)", "", "", "", "is joined by holder, which connector pipedrive derives", ""},
		"no such field":                     {`"users", "cards"`, "[applications.pipedrive.endpoints.cards]\nkind = \"user\"", "string(endpoints.cards.number)", "", "", "", "has no field id, by which it would be joined (it has: number, owner, holder)", ""},
		"no such endpoint":                  {`"users", "hrm"`, "", "endpoints.hrm.title", "", "", "", `has no endpoint "hrm"`, ""},
		"unlike types":                      {`"users", "hr"`, "", "endpoints.hr.grade == 'x' ? 'a' : 'b'", "", "", "", "endpoints.hr.grade, which is a number", ""},
		"changes":                           {`"users", "news"`, "", "endpoints.news.title", "", "", "", "an endpoint in mode changes cannot be joined", ""},
		"changes lead":                      {`"news", "users"`, "", "endpoints.users.title", "", "", "", "an endpoint in mode changes cannot be joined", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configured(t, `endpoints   = ["users"]`, "endpoints = ["+c.endpoints+"]",
				"[data_sources.people.attributes]", "[data_sources.people.attributes]\ntitle = \"{{ "+c.title+" }}\"", "[automations.staff]", c.own+"\n[automations.staff]")
			f, wrong := Automation(cfg, "staff", joinManifest(), time.Now())
			if c.wrong != "" {
				if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.wrong) {
					t.Fatalf("%v, want %s", wrong, c.wrong)
				}
				return
			}
			if len(wrong) > 0 || len(f.Joined) != 1 {
				t.Fatal(wrong, f.Joined)
			}
			j := f.Joined[0]
			if got := strings.Join(f.FieldsOf(j), " "); j.Endpoint.Key != c.key || got != c.fields || !strings.Contains(j.Endpoint.NoOne, c.noOne) || (j.Endpoint.One == nil) != (c.noOne != "") {
				t.Errorf("key %s, fields %s, %q", j.Endpoint.Key, got, j.Endpoint.NoOne)
			}
			if all := strings.Join(f.Warnings, "\n"); !strings.Contains(all, c.warns) || c.warns == "" && all != "" {
				t.Errorf("warnings: %s", all)
			}
		})
	}
}

// The scopes of all endpoints of a data source are needed.
func TestNeedsOfFurtherEndpoints(t *testing.T) {
	cfg := configured(t, `endpoints   = ["users"]`, `endpoints = ["users", "hr"]`)
	var got []string
	for _, n := range Needs(cfg, cfg.Applications["pipedrive"], joinManifest(), time.Now()) {
		got = append(got, n.Use+" "+n.Path+" "+strings.Join(n.Scopes, ","))
	}
	if want := []string{"endpoint users /v1/users ", "endpoint hr /v1/hr hr:read"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
