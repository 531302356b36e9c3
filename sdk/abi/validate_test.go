package abi_test

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func good() abi.Manifest {
	m := abi.Manifest{
		Name: "acme", Version: "1.0.0", ABI: abi.Module, Title: "Acme", BaseURL: "https://api.acme.example/v1",
		Hosts: []string{"api.acme.example", "*.acme.example"}, RateLimit: "40/2s",
		Settings: []abi.Setting{{Name: "region", Default: "eu"}, {Name: "n", Type: abi.SettingInt, Required: true}},
		Auth: []abi.AuthProfile{
			{Kind: abi.AuthAPIKey, Header: "x-api-token", Prefix: "App "},
			{Kind: abi.AuthBasic},
			{Kind: abi.AuthBearer},
			{Kind: abi.AuthOAuth2, AuthURL: "https://o.acme.example/a", TokenURL: "https://o.acme.example:443/t", BasePath: "/api"},
			{Name: "machine", Kind: abi.AuthOAuth2, Grant: abi.GrantClientCredentials, TokenURL: "https://o.acme.example/t", Scopes: []string{"users:read", "https://acme.example/all"}},
			{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/data/token", Lifetime: "50m", Fields: map[string]string{"company": "acme"}}},
		},
		Budget:  abi.Budget{PerDay: 1000, LeftHeader: "x-left"},
		Secrets: []abi.Secret{{Name: "signing_key", Required: true}, {Name: "pin"}},
		Endpoints: []abi.Endpoint{
			{
				Name: "users", Path: "/users", Records: "/data", Key: "/id", Rights: []string{"admin"}, Audience: abi.AudienceWorkforce,
				Attributes: []abi.Attribute{{Name: "is_admin", Type: abi.TypeBool, Value: "any(user.access, #.admin)"}},
			},
			{Name: "search", Method: "POST", URL: "https://x.acme.example/s", Body: "{}", Key: "/a~1b/~0", Mode: abi.ModeChanges, Repeat: abi.Repeat{Style: abi.RepeatCursor, Param: "c", Next: "/next"}},
		},
		Webhooks: []abi.Webhook{
			{Name: "create", Path: "/users", Body: "{}", LinkKey: "/data/id", Cost: 10, Verify: &abi.Verify{Path: "/users", Params: map[string]string{"email": "{{ user.email }}"}, Found: "/data/0/id"}},
			{Name: "disable", Method: "DELETE", URL: "https://api.acme.example/users/{{ key }}", Repeatable: true, Headers: map[string]string{"x": "{{ key }}"}},
			{Name: "add", Path: "/users", Body: "{}", Rights: []string{"admin"}, Verify: &abi.Verify{
				Path: "/find", Records: "/data", Match: map[string]string{"/email": "{{ ad.mail }}"}, Found: "/id", Always: true, Cost: 20,
				Repeat: abi.Repeat{Style: abi.RepeatPage, Param: "page"},
			}},
		},
		Attributes: []abi.Attribute{{Name: "id", Type: abi.TypeInt}, {Name: "Some Name", Type: abi.TypeObjects}},
		Cannot: []abi.Limitation{
			{Operation: "delete", Reason: "no such call"},
			{Operation: "rename", Reason: "no such field", Method: "PUT", Path: "/users/*", Only: []string{"active"}},
		},
		Rates:      []abi.Rate{{Path: "/search", Limit: "10/2s"}},
		MacroRoots: []string{"ad", "now"},
		Macros:     []abi.Macro{{Name: "given_name", Expression: "first_word(ad.cn)", Description: "The first name"}},
	}
	m.Normalize()
	return m
}

func TestValidate(t *testing.T) {
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		change func(*abi.Manifest)
		want   string
	}{
		"name":          {func(m *abi.Manifest) { m.Name = "Acme" }, `name "Acme"`},
		"path in name":  {func(m *abi.Manifest) { m.Name = "../acme" }, `name "../acme"`},
		"version":       {func(m *abi.Manifest) { m.Version = "1.02.3" }, "MAJOR.MINOR.PATCH"},
		"abi":           {func(m *abi.Manifest) { m.ABI = "" }, "is not known"},
		"title":         {func(m *abi.Manifest) { m.Title = "" }, "title is missing"},
		"base url":      {func(m *abi.Manifest) { m.BaseURL = "http://api.acme.example" }, "is not https"},
		"user in url":   {func(m *abi.Manifest) { m.BaseURL = "https://a@api.acme.example" }, "holds a user"},
		"host scheme":   {func(m *abi.Manifest) { m.Hosts[0] = "https://x.y" }, "without scheme and port"},
		"host port":     {func(m *abi.Manifest) { m.Hosts[0] = "x.y:443" }, "without scheme and port"},
		"host wild":     {func(m *abi.Manifest) { m.Hosts[0] = "*.com" }, "whole top-level domain"},
		"host star":     {func(m *abi.Manifest) { m.Hosts[0] = "*" }, "without scheme and port"},
		"rate":          {func(m *abi.Manifest) { m.RateLimit = "40" }, "REQUESTS/DURATION"},
		"setting type":  {func(m *abi.Manifest) { m.Settings[0].Type = "float" }, `setting "region": type`},
		"setting value": {func(m *abi.Manifest) { m.Settings[0].Default = 1 }, "not of type string"},
		"setting both":  {func(m *abi.Manifest) { m.Settings[0].Required = true }, "required and has a default"},
		"setting twice": {func(m *abi.Manifest) { m.Settings[1].Name = "region" }, "used twice"},
		"auth kind":     {func(m *abi.Manifest) { m.Auth[1].Kind = "digest" }, "is not oauth2"},
		"auth header":   {func(m *abi.Manifest) { m.Auth[0].Header = "x y" }, "is not the name of a header"},
		"auth prefix":   {func(m *abi.Manifest) { m.Auth[0].Prefix = "a\r\nb" }, "line break"},
		"auth name":     {func(m *abi.Manifest) { m.Auth[0].Name = abi.NoAuth }, "used twice"},
		"token url":     {func(m *abi.Manifest) { m.Auth[3].TokenURL = "" }, "token_url"},
		"client auth":   {func(m *abi.Manifest) { m.Auth[3].ClientAuth = "jwt" }, "client_auth"},
		"audience":      {func(m *abi.Manifest) { m.Endpoints[0].Audience = "everybody" }, `endpoint "users": audience "everybody"`},
		"right":         {func(m *abi.Manifest) { m.Endpoints[0].Rights = []string{""} }, "rights: an empty text"},
		"own attribute": {func(m *abi.Manifest) { m.Endpoints[0].Attributes[0].Name = "id" }, `endpoint "users": attribute "id"`},
		"type of own":   {func(m *abi.Manifest) { m.Endpoints[0].Attributes[0].Type = "" }, `attribute "is_admin": type`},
		"match only": {func(m *abi.Manifest) {
			m.Webhooks[2].Verify.Records, m.Webhooks[2].Verify.Repeat = "", abi.Repeat{Style: abi.RepeatNone}
		}, "records and match belong together"},
		"records only":  {func(m *abi.Manifest) { m.Webhooks[2].Verify.Match = nil }, "records and match belong together"},
		"match pointer": {func(m *abi.Manifest) { m.Webhooks[2].Verify.Match = map[string]string{"email": "x"} }, "verify: match"},
		"verify cost":   {func(m *abi.Manifest) { m.Webhooks[2].Verify.Cost = 2000 }, "verify: cost 2000"},
		"verify repeat": {func(m *abi.Manifest) { m.Webhooks[2].Verify.Repeat.Param = "" }, "verify: repeat: style page needs param"},
		"repeat alone":  {func(m *abi.Manifest) { m.Webhooks[0].Verify.Repeat = m.Webhooks[2].Verify.Repeat }, "repeat needs records"},
		"no reason":     {func(m *abi.Manifest) { m.Cannot[0].Reason = "" }, `cannot "delete": operation and reason`},
		"no method":     {func(m *abi.Manifest) { m.Cannot[1].Method = "" }, "method and path belong together"},
		"wrong method":  {func(m *abi.Manifest) { m.Cannot[1].Method = "put" }, `method "put"`},
		"half a star":   {func(m *abi.Manifest) { m.Cannot[1].Path = "/users/a*" }, "a segment is a text, or a star"},
		"pattern":       {func(m *abi.Manifest) { m.Cannot[1].Path = "users" }, "is not a slash and segments"},
		"only, fields":  {func(m *abi.Manifest) { m.Cannot[1].Fields = []string{"x"} }, "exclude each other"},
		"only for what": {func(m *abi.Manifest) { m.Cannot[0].Only = []string{"x"} }, "only and fields need method and path"},
		"rate limit":    {func(m *abi.Manifest) { m.Rates[0].Limit = "ten" }, `rate "/search": limit`},
		"rate path":     {func(m *abi.Manifest) { m.Rates[0].Path = "/" }, `rate "/"`},
		"rate method":   {func(m *abi.Manifest) { m.Rates[0].Method = "A B" }, `method "A B"`},
		"method":        {func(m *abi.Manifest) { m.Endpoints[0].Method = "PUT" }, `endpoint "users": method`},
		"path and url":  {func(m *abi.Manifest) { m.Endpoints[0].URL = "https://x.acme.example" }, "exactly one of path and url"},
		"no slash":      {func(m *abi.Manifest) { m.Endpoints[0].Path = "users" }, "start with a slash"},
		"body of GET":   {func(m *abi.Manifest) { m.Endpoints[0].Body = "x" }, "body is set"},
		"header":        {func(m *abi.Manifest) { m.Endpoints[0].Headers = map[string]string{"a": "b\nc"} }, "one line of text"},
		"pointer":       {func(m *abi.Manifest) { m.Endpoints[0].Records = "data" }, "records: JSON pointer"},
		"tilde":         {func(m *abi.Manifest) { m.Endpoints[0].Key = "/a~" }, "written ~0"},
		"no key":        {func(m *abi.Manifest) { m.Endpoints[0].Key = "" }, "key is missing"},
		"mode":          {func(m *abi.Manifest) { m.Endpoints[0].Mode = "some" }, "is not full or changes"},
		"style":         {func(m *abi.Manifest) { m.Endpoints[0].Repeat.Style = "spiral" }, "repeat: style"},
		"cursor":        {func(m *abi.Manifest) { m.Endpoints[1].Repeat.Next = "" }, "needs param, and next or next_header"},
		"limit":         {func(m *abi.Manifest) { m.Endpoints[0].Repeat.LimitParam = "n" }, "limit is not"},
		"attribute":     {func(m *abi.Manifest) { m.Attributes[0].Type = "text" }, `attribute "id": type`},
		"cannot":        {func(m *abi.Manifest) { m.Cannot[0].Reason = "" }, "operation and reason"},
	}
	for name, c := range cases {
		refuses(t, name, c.change, c.want)
	}
}

// refuses checks that there is exactly one error.
func refuses(t *testing.T, name string, change func(*abi.Manifest), want string) {
	t.Helper()
	m := good()
	change(&m)
	refusesManifest(t, name, m, want)
}

// refusesManifest checks that there is exactly one error.
func refusesManifest(t *testing.T, name string, m abi.Manifest, want string) {
	t.Helper()
	err := m.Validate()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: %v", name, err)
	}
}

func TestValidateCredentialsAndBudget(t *testing.T) {
	login := func(change func(*abi.Login)) func(*abi.Manifest) {
		return func(m *abi.Manifest) { change(m.Auth[5].Login) }
	}
	cases := map[string]struct {
		change func(*abi.Manifest)
		want   string
	}{
		"kind":                {func(m *abi.Manifest) { m.Auth[1].Kind = "digest" }, `auth "basic": kind "digest" is not oauth2, basic, api_key, bearer or session`},
		"grant":               {func(m *abi.Manifest) { m.Auth[4].Grant = "password" }, `auth "machine": grant "password" is not`},
		"consent of machines": {func(m *abi.Manifest) { m.Auth[4].AuthURL = "https://o.acme.example/a" }, "nobody is asked for consent"},
		"scope with a blank":  {func(m *abi.Manifest) { m.Auth[4].Scopes[0] = "a b" }, `scope "a b"`},
		"empty scope":         {func(m *abi.Manifest) { m.Auth[4].Scopes[0] = "" }, `scope ""`},
		"login of another":    {func(m *abi.Manifest) { m.Auth[2].Login = m.Auth[5].Login }, `auth "bearer": login does not belong to kind bearer`},
		"header of another":   {func(m *abi.Manifest) { m.Auth[1].Header = "x" }, "header does not belong to kind basic"},
		"grant of another":    {func(m *abi.Manifest) { m.Auth[0].Grant = abi.GrantClientCredentials }, "grant does not belong to kind api_key"},
		"no login":            {func(m *abi.Manifest) { m.Auth[5].Login = nil }, `auth "session": login is missing`},
		"login header":        {func(m *abi.Manifest) { m.Auth[5].Header = "x y" }, "is not the name of a header"},
		"login nowhere":       {login(func(l *abi.Login) { l.Path = "" }), "login: exactly one of path and url"},
		"login twice":         {login(func(l *abi.Login) { l.URL = "https://api.acme.example/l" }), "login: exactly one of path and url"},
		"login path":          {login(func(l *abi.Login) { l.Path = "login" }), "login: path \"login\" does not start with a slash"},
		"login clear text":    {login(func(l *abi.Login) { l.Path, l.URL = "", "http://api.acme.example/l" }), "is not https"},
		"login elsewhere":     {login(func(l *abi.Login) { l.Path, l.URL = "", "https://evil.example/l" }), `host "evil.example" is not in hosts`},
		"login at loopback":   {login(func(l *abi.Login) { l.Path, l.URL = "", "http://127.0.0.1:8080/l" }), `"http://127.0.0.1:8080/l" is not https on port 443`},
		"login port":          {login(func(l *abi.Login) { l.Path, l.URL = "", "https://api.acme.example:8443/l" }), "is not https on port 443"},
		"token elsewhere":     {func(m *abi.Manifest) { m.Auth[3].TokenURL = "https://evil.example/t" }, `auth "oauth2": token_url: host "evil.example" is not in hosts`},
		"token at loopback":   {func(m *abi.Manifest) { m.Auth[3].TokenURL = "http://127.0.0.1:8080/t" }, "token_url: \"http://127.0.0.1:8080/t\" is not https on port 443"},
		"token at localhost":  {func(m *abi.Manifest) { m.Auth[4].TokenURL = "https://localhost/t" }, `auth "machine": token_url: host "localhost" is not in hosts`},
		"token port":          {func(m *abi.Manifest) { m.Auth[3].TokenURL = "https://o.acme.example:8443/t" }, "token_url: \"https://o.acme.example:8443/t\" is not https on port 443"},
		"token user":          {func(m *abi.Manifest) { m.Auth[3].TokenURL = "https://a:b@o.acme.example/t" }, "holds a user or a fragment"},
		"consent elsewhere":   {func(m *abi.Manifest) { m.Auth[3].AuthURL = "https://evil.example/a" }, `auth_url: host "evil.example" is not in hosts`},
		"login type":          {login(func(l *abi.Login) { l.MessageType = "xml" }), `message_type "xml" is not json or form`},
		"login field":         {login(func(l *abi.Login) { l.Fields["password"] = "x" }), `fields: "password"`},
		"login names":         {login(func(l *abi.Login) { l.Username = "password" }), "are both"},
		"login token":         {login(func(l *abi.Login) { l.Token = "" }), "login: token is missing"},
		"login pointer":       {login(func(l *abi.Login) { l.Token = "token" }), "login: token: JSON pointer"},
		"lifetime":            {login(func(l *abi.Login) { l.Lifetime = "50" }), `lifetime "50"`},
		"lifetime of 0":       {login(func(l *abi.Login) { l.Lifetime = "0s" }), `lifetime "0s"`},
		"secret name":         {func(m *abi.Manifest) { m.Secrets[0].Name = "Signing Key" }, `secret "Signing Key": a name is`},
		"secret twice":        {func(m *abi.Manifest) { m.Secrets[1].Name = "signing_key" }, "used twice"},
		"budget":              {func(m *abi.Manifest) { m.Budget.PerDay = -1 }, "budget: per_day -1 is negative"},
		"reset hour":          {func(m *abi.Manifest) { m.Budget.Reset = "24:00" }, `budget: reset: "24:00" is not a time of day`},
		"reset short":         {func(m *abi.Manifest) { m.Budget.Reset = "6:30" }, `"6:30" is not a time of day`},
		"left header":         {func(m *abi.Manifest) { m.Budget.LeftHeader = "x:y" }, "left_header"},
		"cost":                {func(m *abi.Manifest) { m.Endpoints[0].Cost = -1 }, `endpoint "users": cost -1 is negative`},
		"cost over budget":    {func(m *abi.Manifest) { m.Endpoints[0].Cost = 1001 }, "more than the budget of a day, 1000"},
	}
	for name, c := range cases {
		refuses(t, name, c.change, c.want)
	}
}

func TestValidateWebhooks(t *testing.T) {
	create := func(change func(*abi.Webhook)) func(*abi.Manifest) {
		return func(m *abi.Manifest) { change(&m.Webhooks[0]) }
	}
	cases := map[string]struct {
		change func(*abi.Manifest)
		want   string
	}{
		"name":            {create(func(w *abi.Webhook) { w.Name = "" }), "a name is"},
		"name twice":      {create(func(w *abi.Webhook) { w.Name = "disable" }), "used twice"},
		"method":          {create(func(w *abi.Webhook) { w.Method = "CONNECT" }), `webhook "create": method "CONNECT" is not POST, PUT`},
		"path":            {create(func(w *abi.Webhook) { w.Path = "users" }), "does not start with a slash"},
		"no target":       {create(func(w *abi.Webhook) { w.Path = "" }), "exactly one of path and url"},
		"host template":   {func(m *abi.Manifest) { m.Webhooks[1].URL = "https://{{ host }}/x" }, "must not come out of a template"},
		"host completed":  {func(m *abi.Manifest) { m.Webhooks[1].URL = "https://api.acme.example{{ x }}/" }, "must not come out of a template"},
		"whole template":  {func(m *abi.Manifest) { m.Webhooks[1].URL = "{{ url }}" }, "must not come out of a template"},
		"clear text":      {func(m *abi.Manifest) { m.Webhooks[1].URL = "http://api.acme.example/{{ x }}" }, "is not https"},
		"header":          {func(m *abi.Manifest) { m.Webhooks[1].Headers["x"] = "a\nb" }, "one line of text"},
		"type":            {create(func(w *abi.Webhook) { w.MessageType = "yaml" }), `message_type "yaml" is not none`},
		"type, no body":   {create(func(w *abi.Webhook) { w.Body = "" }), "message_type is json, and there is no body"},
		"body, no type":   {create(func(w *abi.Webhook) { w.MessageType = abi.MessageNone }), "body is set, and message_type is none"},
		"body of GET":     {create(func(w *abi.Webhook) { w.Method = "GET" }), "body is set, and the method is GET"},
		"link key":        {create(func(w *abi.Webhook) { w.LinkKey = "data" }), "link_key: JSON pointer"},
		"ends and makes":  {create(func(w *abi.Webhook) { w.EndsLink = true }), "ends_link and link_key are both set"},
		"cost":            {create(func(w *abi.Webhook) { w.Cost = -5 }), "cost -5 is negative"},
		"dear":            {create(func(w *abi.Webhook) { w.Cost = 5000 }), "more than the budget"},
		"scope":           {create(func(w *abi.Webhook) { w.Scopes = []string{"a\"b"} }), `scope "a\"b"`},
		"needless verify": {create(func(w *abi.Webhook) { w.Repeatable = true }), "repeatable and verify"},
		"verify method":   {create(func(w *abi.Webhook) { w.Verify.Method = "PUT" }), "verify: method"},
		"verify target":   {create(func(w *abi.Webhook) { w.Verify.URL = "https://api.acme.example/u" }), "verify: exactly one"},
		"verify found":    {create(func(w *abi.Webhook) { w.Verify.Found = "id" }), "verify: found: JSON pointer"},
	}
	for name, c := range cases {
		refuses(t, name, c.change, c.want)
	}
}

func TestNormalizeFillsInDefaults(t *testing.T) {
	m := good()
	session, create, disable := m.Auth[5], m.Webhooks[0], m.Webhooks[1]
	got := []any{
		m.Auth[3].Grant, m.Auth[3].ClientAuth, session.Name, session.Header, session.Login.MessageType, session.Login.Username,
		session.Login.Password, m.Budget.Reset, m.Endpoints[0].Cost, create.Method, create.MessageType, create.Cost,
		create.Verify.Method, disable.MessageType, disable.Cost,
	}
	want := []any{
		abi.GrantAuthorizationCode, abi.ClientAuthBasic, "session", "Authorization", "json", "username",
		"password", "00:00", int64(1), "POST", abi.MessageJSON, int64(10), "GET", abi.MessageNone, int64(1),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzValidate checks that no manifest makes the checks panic. An accepted
// manifest must still be accepted after writing and reading it, and must
// neither send to another host in clear text nor set another header.
func FuzzValidate(f *testing.F) {
	var seed bytes.Buffer
	if err := toml.NewEncoder(&seed).Encode(good()); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.String())
	pipedrive, err := os.ReadFile("../../plugins/pipedrive/manifest.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(pipedrive))
	f.Add("[[auth]]\nkind = \"session\"\n[auth.login]\nurl = \"https://%zz\"\n[[webhooks]]\n[webhooks.verify]\n[budget]\nper_day = -1")
	f.Fuzz(func(t *testing.T, text string) {
		var m abi.Manifest
		if _, err := toml.Decode(text, &m); err != nil {
			return
		}
		m.Normalize()
		if m.Validate() != nil {
			return
		}
		var b bytes.Buffer
		if err := toml.NewEncoder(&b).Encode(m); err != nil {
			t.Fatal(err)
		}
		var again abi.Manifest
		if _, err := toml.Decode(b.String(), &again); err != nil {
			t.Fatalf("what was accepted cannot be read again: %v\n%s", err, b.String())
		}
		again.Normalize()
		if err := again.Validate(); err != nil {
			t.Fatalf("what was accepted is refused: %v\n%s", err, b.String())
		}
		for _, a := range m.Auth {
			if a.Kind == abi.AuthSession && a.Login.URL != "" {
				u, err := url.Parse(a.Login.URL)
				if err != nil || !abi.Loopback(u.Hostname()) && (u.Scheme != "https" || !m.AllowsHost(u.Hostname())) {
					t.Fatalf("a login at %s", a.Login.URL)
				}
			}
		}
		for _, w := range m.Webhooks {
			for _, v := range w.Headers {
				if strings.ContainsAny(v, "\r\n") {
					t.Fatalf("header %q", v)
				}
			}
		}
	})
}

func TestParseReset(t *testing.T) {
	for text, want := range map[string]time.Duration{"00:00": 0, "06:30": 390 * time.Minute, "23:59": 1439 * time.Minute} {
		if d, err := abi.ParseReset(text); err != nil || d != want {
			t.Errorf("%s: %s %v", text, d, err)
		}
	}
}

func TestParseRateLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{"40/2s": 2 * time.Second, "1/s": time.Second, "5/1m30s": 90 * time.Second, "9/h": time.Hour} {
		if _, per, err := abi.ParseRateLimit(text); err != nil || per != want {
			t.Errorf("%s: %s %v", text, per, err)
		}
	}
	for _, text := range []string{"", "1", "0/s", "-1/s", "x/s", "1/", "1/0s", "1/-1s", "1/x"} {
		if _, _, err := abi.ParseRateLimit(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1": true, "127.9.8.7": true, "localhost": true, "::1": true, "127.0.0.1.evil.org": false, "127.1": false, "127.0.0.256": false, "127.0.0.01": false, "128.0.0.1": false, "": false} {
		if abi.Loopback(host) != want {
			t.Errorf("%q: want %v", host, want)
		}
	}
}
