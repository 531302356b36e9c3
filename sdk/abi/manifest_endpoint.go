package abi

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
	// PagedBody says in a call that the body differs from page to page, and is
	// asked for with page_body. No manifest sets it.
	PagedBody bool `toml:"-" json:"paged_body,omitempty"`

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
	Param string      `toml:"param" json:"param,omitempty"` // query parameter; cursor, offset and page need it, unless the body takes it
	// Next is the JSON pointer to the next position or URL; null, "" or no value
	// ends the loop. cursor and next_url need it. With offset it replaces
	// counting.
	Next string `toml:"next" json:"next,omitempty"`
	// NextHeader is the header of the answer that has what is at Next otherwise.
	NextHeader string `toml:"next_header" json:"next_header,omitempty"`
	// More is the JSON pointer to a boolean that says whether there is more.
	More string `toml:"more" json:"more,omitempty"`
	// Until is an expression over the answer that is true on the last page. The
	// host evaluates it: page_until. No manifest sets it.
	Until string `toml:"-" json:"until,omitempty"`
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
	// MaxPages is how many pages a fetch may have; with more it fails. 0: any.
	MaxPages int `toml:"max_pages" json:"max_pages,omitempty"`
	// Total is the JSON pointer to the number of all records, and TotalHeader a
	// header that has it. The last answer that has one counts: when another
	// number of records came, the fetch fails.
	Total       string `toml:"total" json:"total,omitempty"`
	TotalHeader string `toml:"total_header" json:"total_header,omitempty"`
}

// ByHost reports whether paging needs page_body, page_until or a header, which
// older connectors do not know.
func (e Endpoint) ByHost() bool {
	return e.PagedBody || e.Repeat.Until != "" || e.Repeat.NextHeader != ""
}
