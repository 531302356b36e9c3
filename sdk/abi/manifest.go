package abi

// Manifest describes a connector before any of its code runs. Its text is
// TOML, in the custom section ManifestSection; unknown keys are errors.
type Manifest struct {
	Name        string `toml:"name" json:"name"`       // the name that configurations use: lower case, digits, _ and -
	Version     string `toml:"version" json:"version"` // MAJOR.MINOR.PATCH
	ABI         string `toml:"abi" json:"abi"`         // Module
	Title       string `toml:"title" json:"title"`
	Description string `toml:"description" json:"description,omitempty"`
	// BaseURL is where the API lives unless the configuration or a token says
	// otherwise; "" when every customer has a host of their own.
	BaseURL string `toml:"base_url" json:"base_url,omitempty"`
	// Hosts lists the only hosts that requests may go to, besides those that the
	// administrator configures: a name, or "*." and a domain of at least two
	// labels.
	Hosts      []string      `toml:"hosts" json:"hosts"`
	RateLimit  string        `toml:"rate_limit" json:"rate_limit,omitempty"` // REQUESTS/DURATION, such as "40/2s"
	Budget     Budget        `toml:"budget" json:"budget,omitzero"`
	Settings   []Setting     `toml:"settings" json:"settings,omitempty"`
	Secrets    []Secret      `toml:"secrets" json:"secrets,omitempty"`
	Auth       []AuthProfile `toml:"auth" json:"auth,omitempty"`
	Endpoints  []Endpoint    `toml:"endpoints" json:"endpoints,omitempty"`
	Webhooks   []Webhook     `toml:"webhooks" json:"webhooks,omitempty"`
	Attributes []Attribute   `toml:"attributes" json:"attributes,omitempty"` // of the records of every endpoint
	Cannot     []Limitation  `toml:"cannot" json:"cannot,omitempty"`
	// Rates are limits of single operations, beside RateLimit.
	Rates []Rate `toml:"rates" json:"rates,omitempty"`
	// MacroRoots lists the names whose values the connector may render with
	// templates of its own (the host function macro). Texts of the manifest and
	// of the configuration need none.
	MacroRoots []string `toml:"macro_roots" json:"macro_roots,omitempty"`
	Macros     []Macro  `toml:"macros" json:"macros,omitempty"`
	// Receiver says how the application tells of changes by itself; nil: it does
	// not.
	Receiver *Receiver `toml:"receiver" json:"receiver,omitempty"`
}

// Endpoint returns the endpoint of a name.
func (m Manifest) Endpoint(name string) (Endpoint, bool) {
	for _, e := range m.Endpoints {
		if e.Name == name {
			return e, true
		}
	}
	return Endpoint{}, false
}

// Webhook returns the webhook of a name.
func (m Manifest) Webhook(name string) (Webhook, bool) {
	for _, w := range m.Webhooks {
		if w.Name == name {
			return w, true
		}
	}
	return Webhook{}, false
}

// Secret returns the secret of a name.
func (m Manifest) Secret(name string) (Secret, bool) {
	for _, s := range m.Secrets {
		if s.Name == name {
			return s, true
		}
	}
	return Secret{}, false
}

// Profile returns the first auth profile of a kind.
func (m Manifest) Profile(kind AuthKind) (AuthProfile, bool) {
	for _, p := range m.Auth {
		if p.Kind == kind {
			return p, true
		}
	}
	return AuthProfile{}, false
}

// SettingType is the type of a setting.
type SettingType string

// The types of settings.
const (
	SettingString SettingType = "string"
	SettingInt    SettingType = "int"
	SettingBool   SettingType = "bool"
)

// Setting is one value that the administrator may or must set for an
// application. Secrets are never settings.
type Setting struct {
	Name        string      `toml:"name" json:"name"`
	Type        SettingType `toml:"type" json:"type"`
	Title       string      `toml:"title" json:"title,omitempty"`
	Description string      `toml:"description" json:"description,omitempty"`
	Default     any         `toml:"default" json:"default,omitempty"`
	Required    bool        `toml:"required" json:"required,omitempty"`
}

// Secret is a secret that the administrator may or must give besides the auth
// profile. A connector sees only a placeholder, which the host replaces in
// requests to the manifest's hosts.
type Secret struct {
	Name        string `toml:"name" json:"name"`
	Title       string `toml:"title" json:"title,omitempty"`
	Description string `toml:"description" json:"description,omitempty"`
	Required    bool   `toml:"required" json:"required,omitempty"`
}

// Budget is what the application allows in a day, in its own tokens.
type Budget struct {
	// PerDay is the number of tokens. 0 means that it is not known, and only the
	// configuration's daily_budget limits.
	PerDay int64 `toml:"per_day" json:"per_day,omitempty"`
	// Reset is the time of day in UTC at which a new day begins; default 00:00.
	Reset string `toml:"reset" json:"reset,omitempty"`
	// LeftHeader is the response header with the tokens left for the day.
	LeftHeader string `toml:"left_header" json:"left_header,omitempty"`
}

// AuthKind is a way to authorize.
type AuthKind string

// The kinds of auth profiles.
const (
	AuthOAuth2 AuthKind = "oauth2"
	AuthBasic  AuthKind = "basic"
	AuthAPIKey AuthKind = "api_key"
	AuthBearer AuthKind = "bearer"
	// AuthSession logs in with a user name and a password, and sends the token
	// that the answer holds.
	AuthSession AuthKind = "session"
)

// Grant is a way to get an OAuth token (RFC 6749 section 4).
type Grant string

// The grants.
const (
	GrantAuthorizationCode Grant = "authorization_code" // a person consents once; the token is refreshed
	GrantClientCredentials Grant = "client_credentials" // client_id and client_secret are enough
)

// Login is the call that opens a session.
type Login struct {
	Path        string `toml:"path" json:"path,omitempty"`                 // below the base URL; or
	URL         string `toml:"url" json:"url,omitempty"`                   // absolute
	MessageType string `toml:"message_type" json:"message_type,omitempty"` // json (the default) or form
	// Username and Password are the names of the fields in the body; defaults
	// username and password. Fields are further ones, sent as they are.
	Username string            `toml:"username" json:"username,omitempty"`
	Password string            `toml:"password" json:"password,omitempty"`
	Fields   map[string]string `toml:"fields" json:"fields,omitempty"`
	Token    string            `toml:"token" json:"token"` // JSON pointer to the token in the answer
	// Lifetime is how long to use a session, such as "50m"; "": until a 401.
	Lifetime string `toml:"lifetime" json:"lifetime,omitempty"`
}

// ClientAuth says how an OAuth client identifies itself at the token URL
// (RFC 6749 section 2.3.1).
type ClientAuth string

// The ways of client authentication.
const (
	ClientAuthBasic ClientAuth = "basic" // Authorization header
	ClientAuthBody  ClientAuth = "body"  // client_id and client_secret in the form
)

// AuthProfile is one way to authorize. A connector refers to it by name; only
// the host has the credentials.
type AuthProfile struct {
	Name  string   `toml:"name" json:"name"` // default: the kind
	Kind  AuthKind `toml:"kind" json:"kind"`
	Title string   `toml:"title" json:"title,omitempty"`

	// Header is the header for the key of an api_key profile or the token of a
	// session (default Authorization). Prefix precedes the value.
	Header string `toml:"header" json:"header,omitempty"`
	Prefix string `toml:"prefix" json:"prefix,omitempty"`

	Login *Login `toml:"login" json:"login,omitempty"` // of a session

	Grant      Grant      `toml:"grant" json:"grant,omitempty"` // of oauth2; default authorization_code
	AuthURL    string     `toml:"auth_url" json:"auth_url,omitempty"`
	TokenURL   string     `toml:"token_url" json:"token_url,omitempty"`
	Scopes     []string   `toml:"scopes" json:"scopes,omitempty"`
	ClientAuth ClientAuth `toml:"client_auth" json:"client_auth,omitempty"` // default basic
	// BaseURLField is the field of the token answer that holds the base URL of
	// the API; BasePath is appended to it.
	BaseURLField string `toml:"base_url_field" json:"base_url_field,omitempty"`
	BasePath     string `toml:"base_path" json:"base_path,omitempty"`
}

// Mode says whether an endpoint delivers every record or only changes.
type Mode string

// The modes of an endpoint.
const (
	ModeFull    Mode = "full"
	ModeChanges Mode = "changes" // only keys named by emit_deleted are missing
)

// Endpoint is one API call that returns records.
type Endpoint struct {
	Name        string `toml:"name" json:"name"`
	Title       string `toml:"title" json:"title,omitempty"`
	Description string `toml:"description" json:"description,omitempty"`

	Method  string            `toml:"method" json:"method"`       // GET (the default) or POST
	Path    string            `toml:"path" json:"path,omitempty"` // below the base URL; excludes URL
	URL     string            `toml:"url" json:"url,omitempty"`   // absolute, on an allowed host
	Params  map[string]string `toml:"params" json:"params,omitempty"`
	Headers map[string]string `toml:"headers" json:"headers,omitempty"`
	Body    string            `toml:"body" json:"body,omitempty"` // of a POST, sent as it is

	Records string   `toml:"records" json:"records"`         // JSON pointer to the array; "" is the whole body
	Record  string   `toml:"record" json:"record,omitempty"` // JSON pointer to the user within an element; "" is the element
	Key     string   `toml:"key" json:"key"`                 // JSON pointer to the primary key within a record
	Mode    Mode     `toml:"mode" json:"mode"`               // default full
	Repeat  Repeat   `toml:"repeat" json:"repeat"`           // default none
	Keyed   bool     `toml:"keyed" json:"keyed,omitempty"`   // records is an object whose members are the records
	Cost    int64    `toml:"cost" json:"cost,omitempty"`     // of one request, in tokens of the budget; default 1
	Scopes  []string `toml:"scopes" json:"scopes,omitempty"` // OAuth scopes that the request needs
	// Rights lists what the account behind the credentials must be allowed to do,
	// in the application's own words.
	Rights []string `toml:"rights" json:"rights,omitempty"`
	// One is the request for a single record; nil where there is none.
	One *One `toml:"one" json:"one,omitempty"`
	// Single says in a call that it is that request: Records leads to the record
	// itself, to a list that holds it, or to null. An answer with the status 404
	// or 410, or without a record, means that there is none. No manifest sets it.
	Single bool `toml:"-" json:"single,omitempty"`

	Audience   Audience    `toml:"audience" json:"audience,omitempty"`     // what the records stand for; "": not stated
	Kind       string      `toml:"kind" json:"kind,omitempty"`             // of the records, within which a key means one; default user
	Attributes []Attribute `toml:"attributes" json:"attributes,omitempty"` // of this endpoint's records, in addition to the manifest's
}

// One is the request for a single record of an endpoint by its key. Its method
// is GET, and headers, key, scopes and rights are those of the endpoint. In a
// manifest Path, URL and Params are templates: {{ key }} is the key.
type One struct {
	Path    string            `toml:"path" json:"path,omitempty"` // below the base URL; excludes URL
	URL     string            `toml:"url" json:"url,omitempty"`   // absolute, on an allowed host
	Params  map[string]string `toml:"params" json:"params,omitempty"`
	Records string            `toml:"records" json:"records"`         // JSON pointer to the record, or to a list that holds it
	Record  string            `toml:"record" json:"record,omitempty"` // JSON pointer to the user within what Records leads to
	Cost    int64             `toml:"cost" json:"cost,omitempty"`     // in tokens of the budget; default 1
}

// Audience says what the records of an endpoint stand for, so that nobody
// creates accounts from the wrong ones.
type Audience string

// The audiences.
const (
	AudienceWorkforce Audience = "workforce" // people who log in to the application
	AudienceCustomers Audience = "customers" // people known to the application, such as contacts
	AudienceObjects   Audience = "objects"   // no people: roles, teams, tags
)

// MessageType is the format of a webhook's body.
type MessageType string

// The formats of bodies.
const (
	MessageNone MessageType = "none"
	MessageJSON MessageType = "json"
	MessageForm MessageType = "form"
	MessageXML  MessageType = "xml"
	MessageText MessageType = "text"
)

// Webhook is one outbound API call about one object. In a manifest its texts
// are templates; in a call they are evaluated.
type Webhook struct {
	Name        string `toml:"name" json:"name"`
	Title       string `toml:"title" json:"title,omitempty"`
	Description string `toml:"description" json:"description,omitempty"`

	Method      string            `toml:"method" json:"method"`       // default POST
	Path        string            `toml:"path" json:"path,omitempty"` // below the base URL; excludes URL
	URL         string            `toml:"url" json:"url,omitempty"`   // absolute, on an allowed host
	Params      map[string]string `toml:"params" json:"params,omitempty"`
	Headers     map[string]string `toml:"headers" json:"headers,omitempty"`
	MessageType MessageType       `toml:"message_type" json:"message_type"` // default none without a body, else json
	Body        string            `toml:"body" json:"body,omitempty"`

	Kind    string `toml:"kind" json:"kind,omitempty"`         // of the records that the link of the object is about; default user
	LinkKey string `toml:"link_key" json:"link_key,omitempty"` // JSON pointer to the key in the answer of a create or a search
	// LinkRecords is the JSON pointer to the results of a search. LinkKey is then a
	// pointer within the only result that has all the values of LinkMatch, compared
	// as in Verify. Without such a result there is no link, and with several the
	// webhook fails.
	LinkRecords string            `toml:"link_records" json:"link_records,omitempty"`
	LinkMatch   map[string]string `toml:"link_match" json:"link_match,omitempty"`

	Repeatable bool     `toml:"repeatable" json:"repeatable,omitempty"` // sending it twice does no more than sending it once
	Cost       int64    `toml:"cost" json:"cost,omitempty"`             // in tokens of the budget; default 1
	Scopes     []string `toml:"scopes" json:"scopes,omitempty"`
	Rights     []string `toml:"rights" json:"rights,omitempty"` // as of an endpoint
	// Verify is asked before a create is sent again.
	Verify *Verify `toml:"verify" json:"verify,omitempty"`
}

// Verify is a request that tells whether an earlier create succeeded.
type Verify struct {
	Method string            `toml:"method" json:"method"` // default GET
	Path   string            `toml:"path" json:"path,omitempty"`
	URL    string            `toml:"url" json:"url,omitempty"`
	Params map[string]string `toml:"params" json:"params,omitempty"`
	// Found is the JSON pointer to a value that exists when the create
	// succeeded; "" accepts any 2xx answer. With Records it is a pointer within
	// an element.
	Found string `toml:"found" json:"found,omitempty"`
	// Records is the JSON pointer to an array of candidates, such as the results
	// of a search. The first candidate with all the values of Match counts; the
	// keys of Match are JSON pointers within an element, and letter case does not
	// matter.
	Records string            `toml:"records" json:"records,omitempty"`
	Match   map[string]string `toml:"match" json:"match,omitempty"`
	Repeat  Repeat            `toml:"repeat" json:"repeat,omitzero"` // how to ask for further candidates
	Cost    int64             `toml:"cost" json:"cost,omitempty"`    // of one request, in tokens of the budget; default 1
	// Always asks before the first attempt too, so that an object that exists
	// already is not created again, whoever created it.
	Always bool `toml:"always" json:"always,omitempty"`
}

// RepeatStyle is a way of paging.
type RepeatStyle string

// The ways of paging.
const (
	RepeatNone       RepeatStyle = "none"
	RepeatCursor     RepeatStyle = "cursor"      // Param takes the value at Next
	RepeatOffset     RepeatStyle = "offset"      // Param takes the number of records to skip
	RepeatPage       RepeatStyle = "page"        // Param takes the number of the page
	RepeatNextURL    RepeatStyle = "next_url"    // the URL or path at Next is the next page
	RepeatLinkHeader RepeatStyle = "link_header" // the target with rel="next" (RFC 8288)
)

// Repeat says how to ask for the next page, and which page is the last.
type Repeat struct {
	Style RepeatStyle `toml:"style" json:"style"`
	Param string      `toml:"param" json:"param,omitempty"` // query parameter; cursor, offset and page need it
	// Next is the JSON pointer to the next position or URL; null, "" or no value
	// ends the loop. cursor and next_url need it. With offset it replaces
	// counting.
	Next string `toml:"next" json:"next,omitempty"`
	// More is the JSON pointer to a boolean that says whether there is more.
	More string `toml:"more" json:"more,omitempty"`
	// LimitParam and Limit set the page size. With offset and page, when neither
	// Next nor More is set, a page of fewer than Limit records is the last;
	// without Limit, an empty page is.
	LimitParam string `toml:"limit_param" json:"limit_param,omitempty"`
	Limit      int    `toml:"limit" json:"limit,omitempty"`
	// First is the first offset (default 0) or page (default 1).
	First *int `toml:"first" json:"first,omitempty"`
	// MaxEmpty is how many pages in a row may bring nothing new before the fetch
	// fails; default MaxIdlePages.
	MaxEmpty int `toml:"max_empty" json:"max_empty,omitempty"`
}

// AttributeType is the JSON type of a record's field.
type AttributeType string

// The types of attributes.
const (
	TypeString  AttributeType = "string"
	TypeInt     AttributeType = "int"
	TypeNumber  AttributeType = "number"
	TypeBool    AttributeType = "bool"
	TypeTime    AttributeType = "time" // a string that holds a time
	TypeObject  AttributeType = "object"
	TypeStrings AttributeType = "strings" // an array of strings
	TypeObjects AttributeType = "objects" // an array of objects
)

// Attribute is a field of the connector's records. The application may deliver
// fields that are not listed: APIs grow.
type Attribute struct {
	Name        string        `toml:"name" json:"name"`
	Type        AttributeType `toml:"type" json:"type"`
	Description string        `toml:"description" json:"description,omitempty"`
	// Value is an expression in the agent's language that derives the attribute
	// from the record's other fields, which are in scope as user:
	// any(user.access, #.admin). "" means that the application delivers the
	// field.
	Value string `toml:"value" json:"value,omitempty"`
}

// Limitation is something that the application's API cannot do, so that a user
// learns it before the call. With Method and Path set, webhooks that ask for it
// are refused and never sent.
type Limitation struct {
	Operation string `toml:"operation" json:"operation"` // such as "delete a user"
	Reason    string `toml:"reason" json:"reason"`
	Method    string `toml:"method" json:"method,omitempty"`
	// Path is compared with the last segments of a request's path; a segment "*"
	// matches any one.
	Path string `toml:"path" json:"path,omitempty"`
	// Only lists the members that a JSON body may have: a body with any other is
	// refused. Fields lists members that are refused. Without either, the whole
	// operation is refused.
	Only   []string `toml:"only" json:"only,omitempty"`
	Fields []string `toml:"fields" json:"fields,omitempty"`
}

// Rate is a limit on requests with a method ("" is any) and a path, compared as
// in a Limitation.
type Rate struct {
	Method string `toml:"method" json:"method,omitempty"`
	Path   string `toml:"path" json:"path"`
	Limit  string `toml:"limit" json:"limit"` // REQUESTS/DURATION, such as "10/2s"
}
