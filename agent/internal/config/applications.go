package config

// Application is one [applications.NAME]: one configured use of a connector.
type Application struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Connector    string              `toml:"connector"`
	Enabled      bool                `toml:"enabled"`
	Auth         Auth                `toml:"auth"`
	ClientID     string              `toml:"client_id"`
	ClientSecret SecretRef           `toml:"client_secret"`
	Username     string              `toml:"username"`
	Password     SecretRef           `toml:"password"`
	APIKey       SecretRef           `toml:"api_key"`
	Token        SecretRef           `toml:"token"`
	Settings     map[string]any      `toml:"settings"` // string, int64, float64 or bool
	BaseURL      string              `toml:"base_url"` // "": the manifest's
	AuthURL      string              `toml:"auth_url"`
	TokenURL     string              `toml:"token_url"`
	RateLimit    RateLimit           `toml:"rate_limit"` // zero: the manifest's
	Endpoints    map[string]Endpoint `toml:"endpoints"`
}

// Auth is the kind of authorization that an application uses.
type Auth string

// The kinds of authorization.
const (
	AuthOAuth2 Auth = "oauth2"
	AuthBasic  Auth = "basic"
	AuthAPIKey Auth = "api_key"
	AuthBearer Auth = "bearer"
)

// Endpoint is one [applications.NAME.endpoints.NAME]: an endpoint of the
// manifest changed, or a new one. What is nil was not set and comes from the
// manifest. Path, URL, Params and Headers are templates that compile in the
// scope of EndpointScope.
type Endpoint struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Method  *Method         `toml:"method"`
	Path    *Text           `toml:"path"` // excludes URL
	URL     *Text           `toml:"url"`
	Params  map[string]Text `toml:"params"`
	Headers map[string]Text `toml:"headers"`
	Records *string         `toml:"records"` // JSON pointer to the array
	Key     *string         `toml:"key"`     // JSON pointer within a record
	Mode    *Mode           `toml:"mode"`
	Repeat  *Repeat         `toml:"repeat"`
}

// Method is the HTTP method of an inbound call.
type Method string

// The methods of an inbound call.
const (
	MethodGet  Method = "GET"
	MethodPost Method = "POST"
)

// Mode says whether an endpoint delivers everybody.
type Mode string

// The modes of an endpoint.
const (
	ModeFull    Mode = "full"
	ModeChanges Mode = "changes" // nobody is ever missing
)

// Repeat says how the next page is asked for.
type Repeat struct {
	Style RepeatStyle `toml:"style"`
	Param string      `toml:"param"` // the query parameter that takes the position
	Next  string      `toml:"next"`  // JSON pointer to the next position or URL
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
