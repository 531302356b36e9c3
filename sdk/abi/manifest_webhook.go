package abi

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
	// EndsLink says that the record of the link is gone when the webhook has succeeded,
	// so that the link ends.
	EndsLink bool `toml:"ends_link" json:"ends_link,omitempty"`

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
