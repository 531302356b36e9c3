package abi

// Manifest describes a connector before any of its code runs. Its text is
// TOML, in the custom section ManifestSection; unknown keys are errors.
type Manifest struct {
	Name        string `toml:"name" json:"name"`       // what configurations call it: lower case, digits, _ and -
	Version     string `toml:"version" json:"version"` // MAJOR.MINOR.PATCH
	ABI         string `toml:"abi" json:"abi"`         // Module
	Title       string `toml:"title" json:"title"`
	Description string `toml:"description" json:"description,omitempty"`
	// BaseURL is where the API lives unless the configuration or a token says
	// otherwise; "" when every customer has an own host.
	BaseURL string `toml:"base_url" json:"base_url,omitempty"`
	// Hosts are all that requests may go to, besides what the administrator
	// configures: a name, or "*." and a domain of at least two labels.
	Hosts      []string      `toml:"hosts" json:"hosts"`
	RateLimit  string        `toml:"rate_limit" json:"rate_limit,omitempty"` // REQUESTS/DURATION, such as "40/2s"
	Settings   []Setting     `toml:"settings" json:"settings,omitempty"`
	Auth       []AuthProfile `toml:"auth" json:"auth,omitempty"`
	Endpoints  []Endpoint    `toml:"endpoints" json:"endpoints,omitempty"`
	Attributes []Attribute   `toml:"attributes" json:"attributes,omitempty"`
	Cannot     []Limitation  `toml:"cannot" json:"cannot,omitempty"`
}

// Endpoint finds an endpoint by name.
func (m Manifest) Endpoint(name string) (Endpoint, bool) {
	for _, e := range m.Endpoints {
		if e.Name == name {
			return e, true
		}
	}
	return Endpoint{}, false
}

// Profile finds the first auth profile of a kind.
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

// AuthKind is a way to authorize.
type AuthKind string

// The kinds of auth profiles.
const (
	AuthOAuth2 AuthKind = "oauth2"
	AuthBasic  AuthKind = "basic"
	AuthAPIKey AuthKind = "api_key"
	AuthBearer AuthKind = "bearer"
)

// ClientAuth says how an OAuth client identifies itself at the token URL
// (RFC 6749 section 2.3.1).
type ClientAuth string

// The ways of client authentication.
const (
	ClientAuthBasic ClientAuth = "basic" // Authorization header
	ClientAuthBody  ClientAuth = "body"  // client_id and client_secret in the form
)

// AuthProfile is one way to authorize. A connector names it; only the host has
// the credentials.
type AuthProfile struct {
	Name  string   `toml:"name" json:"name"` // default: the kind
	Kind  AuthKind `toml:"kind" json:"kind"`
	Title string   `toml:"title" json:"title,omitempty"`

	// Header carries the key of an api_key profile, after Prefix.
	Header string `toml:"header" json:"header,omitempty"`
	Prefix string `toml:"prefix" json:"prefix,omitempty"`

	AuthURL    string     `toml:"auth_url" json:"auth_url,omitempty"`
	TokenURL   string     `toml:"token_url" json:"token_url,omitempty"`
	Scopes     []string   `toml:"scopes" json:"scopes,omitempty"`
	ClientAuth ClientAuth `toml:"client_auth" json:"client_auth,omitempty"` // default basic
	// BaseURLField is the field of the token answer that tells where the API
	// lives; BasePath is appended to it.
	BaseURLField string `toml:"base_url_field" json:"base_url_field,omitempty"`
	BasePath     string `toml:"base_path" json:"base_path,omitempty"`
}

// Mode says whether an endpoint delivers everybody.
type Mode string

// The modes of an endpoint.
const (
	ModeFull    Mode = "full"
	ModeChanges Mode = "changes" // nobody is ever missing
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
	Scopes  []string `toml:"scopes" json:"scopes,omitempty"` // OAuth scopes that the call needs
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
	RepeatLinkHeader RepeatStyle = "link_header" // RFC 8288, rel="next"
)

// Repeat says how the next page is asked for, and when there is none.
type Repeat struct {
	Style RepeatStyle `toml:"style" json:"style"`
	Param string      `toml:"param" json:"param,omitempty"` // query parameter; cursor, offset and page need it
	// Next is the JSON pointer to the next position or URL; null, "" or
	// nothing there ends the loop. cursor and next_url need it. With offset it
	// replaces counting.
	Next string `toml:"next" json:"next,omitempty"`
	// More is the JSON pointer to a boolean that says whether there is more.
	More string `toml:"more" json:"more,omitempty"`
	// LimitParam and Limit set the page size. With offset and page, and
	// neither Next nor More, a page of fewer than Limit records is the last;
	// without Limit an empty one is.
	LimitParam string `toml:"limit_param" json:"limit_param,omitempty"`
	Limit      int    `toml:"limit" json:"limit,omitempty"`
	// First is the first offset (default 0) or page (default 1).
	First *int `toml:"first" json:"first,omitempty"`
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

// Attribute is a field of the connector's records. Fields that are not listed
// may still be delivered: APIs grow.
type Attribute struct {
	Name        string        `toml:"name" json:"name"`
	Type        AttributeType `toml:"type" json:"type"`
	Description string        `toml:"description" json:"description,omitempty"`
}

// Limitation is something that the application's API cannot do, so that a user
// is told before the call.
type Limitation struct {
	Operation string `toml:"operation" json:"operation"` // such as "delete a user"
	Reason    string `toml:"reason" json:"reason"`
}
