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
	Hosts         []string            `toml:"hosts"` // further ones that may be asked, without credentials: NAME or NAME:PORT
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
	Body    *Text           `toml:"body"` // of a POST; a template that compiles in BodyScope too
	// MessageType is the format of Body; nil: JSON.
	MessageType *MessageType `toml:"message_type"`
	Records     *string      `toml:"records"` // JSON pointer to the array
	Record      *string      `toml:"record"`  // JSON pointer to the user within an element of the array
	Key         *string      `toml:"key"`     // JSON pointer within a record; see ForEach
	Kind        string       `toml:"kind"`    // of the records; "" is that of the connector's endpoint
	Mode        *Mode        `toml:"mode"`
	Repeat      *Repeat      `toml:"repeat"`
	Keyed       *bool        `toml:"keyed"` // Records points at an object whose members are the records
	Cost        *int         `toml:"cost"`  // of one request, in tokens of the daily budget
	One         *One         `toml:"one"`   // the request for a single record
	// ForEach names the endpoint for each of whose records this one is called. Its
	// templates know parent, and Key is one. "": it is called once for all.
	ForEach string `toml:"for_each"`
	// Changed is a template over parent: what was delivered for a parent is used again
	// while it gives the same.
	Changed *Text `toml:"changed"`
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
	// NextHeader is the header that has what is at Next otherwise.
	NextHeader string `toml:"next_header"`
	More       string `toml:"more"`  // JSON pointer to a boolean that says whether there is more
	Until      *Text  `toml:"until"` // an expression over the answer: this is the last page; nil: none
	// LimitParam and Limit set the size of a page: the parameter and its value.
	LimitParam string `toml:"limit_param"`
	Limit      int    `toml:"limit"`
	First      *int   `toml:"first"`     // the first offset (default 0) or page (default 1)
	MaxEmpty   int    `toml:"max_empty"` // how many pages in a row may bring nothing new; 0: the default of the ABI
	MaxPages   int    `toml:"max_pages"` // with more the fetch fails; 0: any number
	// Total is the JSON pointer to the number of all records, TotalHeader the
	// header that has it. When another number of records comes, the fetch fails.
	Total       string `toml:"total"`
	TotalHeader string `toml:"total_header"`
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
	for i, host := range a.Hosts {
		l.checkHost(in.with("hosts").item(i), host)
	}
	l.checkSecrets(in.with("secrets"), a.Secrets)
	l.checkApplicationReceiver(in.with("receiver"), a.Receiver)
	if l.has(in.with("daily_budget")) {
		l.inRange(in.with("daily_budget"), a.DailyBudget, 1, 1_000_000_000)
	}
	for _, name := range sortedKeys(a.Endpoints) {
		l.checkEndpoint(in.with("endpoints").with(name), a.Endpoints[name])
	}
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

// checkPointer requires a JSON pointer (RFC 6901).
func (l *loader) checkPointer(at path, p *string) {
	if p == nil || *p == "" {
		return
	}
	if !strings.HasPrefix(*p, "/") {
		l.fail(at, fmt.Sprintf("%s is %q, which is not a JSON pointer", at.last(), *p), "did you mean \"/"+*p+"\"?")
	}
}
