package config

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// Application is one table [applications.NAME]: one configured use of a
// connector.
type Application struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Connector    string    `toml:"connector"`
	Enabled      bool      `toml:"enabled"`
	Auth         Auth      `toml:"auth"`
	ClientID     string    `toml:"client_id"`
	ClientSecret SecretRef `toml:"client_secret"`
	Username     string    `toml:"username"`
	Password     SecretRef `toml:"password"`
	APIKey       SecretRef `toml:"api_key"`
	Token        SecretRef `toml:"token"`
	// Secrets holds the secrets that the connector's manifest names.
	Secrets     map[string]SecretRef `toml:"secrets"`
	Settings    map[string]any       `toml:"settings"` // string, int64, float64 or bool
	BaseURL     string               `toml:"base_url"` // "": the manifest's
	AuthURL     string               `toml:"auth_url"`
	TokenURL    string               `toml:"token_url"`
	RateLimit   RateLimit            `toml:"rate_limit"`   // zero: the manifest's
	DailyBudget int                  `toml:"daily_budget"` // tokens; 0: the manifest's
	// Proxy is the URL of a proxy, which may contain a user name. "direct" means
	// no proxy, "" the one that the environment names.
	Proxy         string              `toml:"proxy"`
	ProxyPassword SecretRef           `toml:"proxy_password"`
	Endpoints     map[string]Endpoint `toml:"endpoints"`
	// Receiver says whether the application may tell of changes by itself.
	Receiver ApplicationReceiver `toml:"receiver"`
}

// Auth is the kind of authorization that an application uses.
type Auth string

// The kinds of authorization.
const (
	AuthOAuth2  Auth = "oauth2"
	AuthBasic   Auth = "basic"
	AuthAPIKey  Auth = "api_key"
	AuthBearer  Auth = "bearer"
	AuthSession Auth = "session"
)

// Endpoint is one table [applications.NAME.endpoints.NAME]. It changes an
// endpoint of the manifest or adds a new one. A nil field was not set: the
// manifest's value holds. Path, URL, Params and Headers are templates that
// compile in EndpointScope.
type Endpoint struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Method  *Method         `toml:"method"`
	Path    *Text           `toml:"path"` // not together with URL
	URL     *Text           `toml:"url"`
	Params  map[string]Text `toml:"params"`
	Headers map[string]Text `toml:"headers"`
	Body    *string         `toml:"body"`    // of a POST, sent as it is
	Records *string         `toml:"records"` // JSON pointer to the array
	Record  *string         `toml:"record"`  // JSON pointer to the user within an element of the array
	Key     *string         `toml:"key"`     // JSON pointer within a record
	Kind    string          `toml:"kind"`    // of the records; "" is that of the connector's endpoint
	Mode    *Mode           `toml:"mode"`
	Repeat  *Repeat         `toml:"repeat"`
	Keyed   *bool           `toml:"keyed"` // Records points at an object whose members are the records
	Cost    *int            `toml:"cost"`  // of one request, in tokens of the daily budget
	One     *One            `toml:"one"`   // the request for a single record
}

// One is the key endpoints.NAME.one: the request for a single record, in place of
// the manifest's. Its templates compile in the scope of an endpoint and know key.
type One struct {
	Path    *Text           `toml:"path"` // not together with URL
	URL     *Text           `toml:"url"`
	Params  map[string]Text `toml:"params"`
	Records string          `toml:"records"` // JSON pointer to the record, or to a list that holds it
	Record  string          `toml:"record"`  // JSON pointer to the user within what Records leads to
	Cost    *int            `toml:"cost"`
}

// Method is the HTTP method of an inbound call.
type Method string

// The methods of an inbound call.
const (
	MethodGet  Method = "GET"
	MethodPost Method = "POST"
)

// Mode says whether an endpoint delivers all records or only the changed ones.
type Mode string

// The modes of an endpoint.
const (
	ModeFull    Mode = "full"
	ModeChanges Mode = "changes" // nobody is ever missing
)

// Repeat says how to ask for the next page.
type Repeat struct {
	Style RepeatStyle `toml:"style"`
	Param string      `toml:"param"` // the query parameter that takes the position
	Next  string      `toml:"next"`  // JSON pointer to the next position or URL
	More  string      `toml:"more"`  // JSON pointer to a boolean that says whether there is more
	// LimitParam and Limit set the size of a page: the parameter and its value.
	LimitParam string `toml:"limit_param"`
	Limit      int    `toml:"limit"`
	First      *int   `toml:"first"`     // the first offset (default 0) or page (default 1)
	MaxEmpty   int    `toml:"max_empty"` // how many pages in a row may bring nothing new; 0: the default of the ABI
}

// RepeatStyle is a way of paging.
type RepeatStyle string

// The ways of paging.
const (
	RepeatNone       RepeatStyle = "none"
	RepeatCursor     RepeatStyle = "cursor"
	RepeatOffset     RepeatStyle = "offset"
	RepeatPage       RepeatStyle = "page"
	RepeatNextURL    RepeatStyle = "next_url"
	RepeatLinkHeader RepeatStyle = "link_header"
)

func (l *loader) checkApplication(in path, a Application) {
	l.checkName(in)
	l.require(in, "connector", "auth")
	if l.has(in.with("connector")) && a.Connector == "" {
		l.fail(in.with("connector"), "connector is empty", "")
	}
	l.checkCredentials(in, a)
	l.notAReference(in.with("client_id"), a.ClientID)
	l.notAReference(in.with("username"), a.Username)
	l.checkURL(in.with("base_url"), a.BaseURL)
	l.checkURL(in.with("auth_url"), a.AuthURL)
	l.checkURL(in.with("token_url"), a.TokenURL)
	l.checkProxy(in, a)
	l.checkSecrets(in.with("secrets"), a.Secrets)
	l.checkApplicationReceiver(in.with("receiver"), a.Receiver)
	if l.has(in.with("daily_budget")) {
		l.inRange(in.with("daily_budget"), a.DailyBudget, 1, 1_000_000_000)
	}
	for _, name := range sortedKeys(a.Endpoints) {
		l.checkEndpoint(in.with("endpoints").with(name), a.Endpoints[name])
	}
}

func (l *loader) checkEndpoint(in path, e Endpoint) {
	l.checkName(in)
	l.checkTarget(in, e.Path, e.URL)
	l.checkHeaders(in.with("headers"), e.Headers)
	l.checkPointer(in.with("records"), e.Records)
	l.checkPointer(in.with("record"), e.Record)
	l.checkPointer(in.with("key"), e.Key)
	l.checkKind(in.with("kind"), e.Kind)
	if e.Body != nil && (e.Method == nil || *e.Method != MethodPost) {
		l.failKey(in.with("body"), "body needs method = \"POST\"", "")
	}
	if e.Cost != nil {
		l.inRange(in.with("cost"), *e.Cost, 1, 1_000_000)
	}
	if e.Repeat != nil {
		l.checkRepeat(in.with("repeat"), *e.Repeat)
	}
	if e.One != nil {
		l.checkOne(in.with("one"), *e.One)
	}
	l.checkTemplates(in, e)
}

// checkOne requires what a request for a single record needs. Its templates are
// compiled with the connector's macros, by package fit; here they are checked
// without knowing these.
func (l *loader) checkOne(in path, o One) {
	l.checkTarget(in, o.Path, o.URL)
	if o.Path == nil && o.URL == nil {
		l.failKey(in, "one needs path or url", "path = \"/users/{{ key }}\"")
		return
	}
	l.checkPointer(in.with("records"), &o.Records)
	l.checkPointer(in.with("record"), &o.Record)
	if o.Cost != nil {
		l.inRange(in.with("cost"), *o.Cost, 1, 1_000_000)
	}
	named := false
	check := func(at path, text Text, escape expr.Escape) {
		t, err := l.config.EndpointScope(expr.NameMacros, expr.NameKey).Template(text, escape)
		if err != nil {
			l.failExpression(at, err)
			named = true // one error is enough
			return
		}
		named = named || t.Uses(expr.NameKey)
	}
	if o.Path != nil {
		check(in.with("path"), *o.Path, expr.EscapePath)
	}
	if o.URL != nil {
		check(in.with("url"), *o.URL, expr.EscapePath)
	}
	for _, name := range sortedKeys(o.Params) {
		check(in.with("params").with(name), o.Params[name], expr.EscapeNone)
	}
	if !named {
		l.failKey(in, "no template of one names key: the request would be about nobody in particular", "path = \"/users/{{ key }}\"")
	}
}

// EndpointScope returns the names that the templates of an endpoint may use, and
// more. The macros of its connector are not among them.
func (c *Config) EndpointScope(more ...string) expr.Scope {
	return expr.NewScope(append(more, "settings", "now", "last_success")...).WithLookups(c.Lookups)
}

// checkTemplates compiles the templates of an endpoint. An endpoint that asks
// for the changes since the last success must have mode "changes": otherwise
// every unchanged user would count as missing.
func (l *loader) checkTemplates(in path, e Endpoint) {
	changes := e.Mode != nil && *e.Mode == ModeChanges
	check := func(at path, text Text, escape expr.Escape) {
		t, err := l.config.EndpointScope(expr.NameMacros).Template(text, escape) // which macros there are is not known here
		if err != nil {
			l.failExpression(at, err)
		} else if t.Uses("last_success") && !changes {
			l.fail(at, `an endpoint that uses last_success must say mode = "changes"`, "")
		}
	}
	if e.Path != nil {
		check(in.with("path"), *e.Path, expr.EscapePath)
	}
	if e.URL != nil {
		check(in.with("url"), *e.URL, expr.EscapeQuery)
	}
	for _, name := range sortedKeys(e.Params) {
		check(in.with("params").with(name), e.Params[name], expr.EscapeQuery)
	}
	for _, name := range sortedKeys(e.Headers) {
		check(in.with("headers").with(name), e.Headers[name], expr.EscapeHeader)
	}
}

// checkPointer requires a JSON pointer (RFC 6901).
func (l *loader) checkPointer(at path, p *string) {
	if p == nil || *p == "" {
		return
	}
	if !strings.HasPrefix(*p, "/") {
		l.fail(at, fmt.Sprintf("%s is %q, which is not a JSON pointer", at.last(), *p), "did you mean \"/"+*p+"\"?")
	}
}

// checkRepeat requires the keys that each way of paging needs. When none is set,
// the connector does the paging.
func (l *loader) checkRepeat(in path, r Repeat) {
	needs := map[RepeatStyle][]string{
		RepeatCursor: {"param", "next"}, RepeatOffset: {"param"}, RepeatPage: {"param"}, RepeatNextURL: {"next"},
	}
	for _, key := range needs[r.Style] {
		if !l.has(in.with(key)) {
			l.failKey(in, fmt.Sprintf("repeat.style = %q needs %s", r.Style, key), "")
		}
	}
	if !l.has(in.with("style")) {
		for _, key := range []string{"param", "next", "more", "limit_param", "limit", "first"} {
			if l.has(in.with(key)) {
				l.failKey(in.with(key), key+" needs repeat.style", "only max_empty stands alone: it changes nothing else about the connector's paging")
			}
		}
	}
	l.checkPointer(in.with("next"), &r.Next)
	l.checkPointer(in.with("more"), &r.More)
	if l.has(in.with("limit")) {
		l.inRange(in.with("limit"), r.Limit, 1, 1_000_000)
	}
	if r.LimitParam != "" && !l.has(in.with("limit")) {
		l.failKey(in.with("limit_param"), "limit_param needs limit", "")
	}
	if l.has(in.with("max_empty")) {
		l.inRange(in.with("max_empty"), r.MaxEmpty, 1, 50_000)
	}
	if r.First != nil {
		l.inRange(in.with("first"), *r.First, 0, 1_000_000)
	}
}
