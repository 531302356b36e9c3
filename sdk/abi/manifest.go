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
