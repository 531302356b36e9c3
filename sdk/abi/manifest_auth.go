package abi

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
	// RefreshUnusedDays is after how many days without use the vendor ends a refresh
	// token; 0: never, or it is not known.
	RefreshUnusedDays int `toml:"refresh_unused_days" json:"refresh_unused_days,omitempty"`
}
