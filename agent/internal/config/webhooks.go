package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// Webhook is one table [webhooks.NAME]: one call to an application about one
// object. With From it changes a webhook of a connector's manifest, and a nil
// field was not set: the manifest's value holds. The texts are templates.
type Webhook struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Description string          `toml:"description"`
	Application string          `toml:"application"` // set after loading, also with From
	From        string          `toml:"from"`        // APPLICATION/WEBHOOK of a connector; "" for a webhook of one's own
	Method      *WebhookMethod  `toml:"method"`
	Path        *Text           `toml:"path"` // not together with URL
	URL         *Text           `toml:"url"`
	Params      map[string]Text `toml:"params"`
	Headers     map[string]Text `toml:"headers"`
	MessageType *MessageType    `toml:"message_type"`
	Body        *Text           `toml:"body"`
	LinkKey     *string         `toml:"link_key"`     // JSON pointer to the key in the answer, or in a result
	LinkRecords *string         `toml:"link_records"` // JSON pointer to the results of a search
	LinkMatch   map[string]Text `toml:"link_match"`   // values that the result must have, by JSON pointer
	EndsLink    *bool           `toml:"ends_link"`    // the record of the link is gone afterwards
	Kind        string          `toml:"kind"`         // of the link; "": the manifest's, or that of users
	Repeatable  *bool           `toml:"repeatable"`
	Cost        *int            `toml:"cost"`
	Verify      *Verify         `toml:"verify"`
}

// Verify is the key webhooks.NAME.verify: a request that tells whether an
// earlier create succeeded.
type Verify struct {
	Method  Method          `toml:"method"`
	Path    *Text           `toml:"path"` // not together with URL
	URL     *Text           `toml:"url"`
	Params  map[string]Text `toml:"params"`
	Found   string          `toml:"found"`   // JSON pointer to what exists when the create succeeded
	Records string          `toml:"records"` // JSON pointer to an array of candidates
	Match   map[string]Text `toml:"match"`   // values that a candidate must have, by JSON pointer
	Cost    *int            `toml:"cost"`
	Always  bool            `toml:"always"`
}

// WebhookMethod is the HTTP method of a webhook.
type WebhookMethod string

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

// SplitRef splits the name of a connector's webhook, APPLICATION/WEBHOOK. It
// reports false for the name of a webhook of the configuration.
func SplitRef(ref string) (application, webhook string, preconfigured bool) {
	return strings.Cut(ref, "/")
}

// checkWebhooks checks every webhook. It names the application of those that
// change a connector's.
func (l *loader) checkWebhooks() {
	for _, name := range sortedKeys(l.config.Webhooks) {
		w := l.config.Webhooks[name]
		in := path{"webhooks", name}
		l.checkName(in)
		if l.has(in.with("from")) {
			l.checkFrom(in, &w)
		} else {
			l.require(in, "application")
			if l.has(in.with("application")) {
				l.exists(in.with("application"), "application", w.Application, sortedKeys(l.config.Applications))
			}
			if w.Path == nil && w.URL == nil && !l.failed[in.index()] && !l.has(in.with("path")) && !l.has(in.with("url")) {
				l.failKey(in, fmt.Sprintf("path is missing in [%s]", in), `or from, to change a webhook of a connector: from = "APPLICATION/WEBHOOK"`)
			}
		}
		l.config.Webhooks[name] = w
		l.checkWebhook(in, w)
	}
}

func (l *loader) checkFrom(in path, w *Webhook) {
	at := in.with("from")
	application, webhook, preconfigured := SplitRef(w.From)
	switch {
	case l.failed[at.index()]:
	case !preconfigured || webhook == "":
		l.fail(at, fmt.Sprintf("from is %q, which is not the name of a connector's webhook", w.From),
			`like "infobip/create_agent": an application and a webhook`)
	case l.has(in.with("application")) && w.Application != application:
		l.failKey(in.with("application"), fmt.Sprintf("application is %q, and from names a webhook of %q", w.Application, application),
			"from says it: leave application out")
	default:
		l.exists(at, "application", application, sortedKeys(l.config.Applications))
	}
	w.Application = application
}

// checkKind refuses a kind of records that could not stand in an anchor.
func (l *loader) checkKind(at path, kind string) {
	if kind != "" && !nameForm.MatchString(kind) {
		l.fail(at, fmt.Sprintf("%q cannot be a kind of records", kind), "a letter, then letters, digits, _ and -")
	}
}

// checkSearch checks what says which result of a search becomes the link. With
// from, the connector's webhook may say the rest.
func (l *loader) checkSearch(in path, w Webhook) {
	for at := range w.LinkMatch {
		l.checkPointer(in.with("link_match").with(at), &at)
	}
	if w.From == "" && (w.LinkRecords != nil) != (len(w.LinkMatch) > 0) {
		l.failKey(in, "link_records and link_match belong together", "link_match says which of the results at link_records is meant")
	}
	if w.LinkRecords != nil && w.LinkKey == nil && w.From == "" {
		l.failKey(in.with("link_records"), "link_records needs link_key", "link_key is the JSON pointer to the key within a result")
	}
}

func (l *loader) checkWebhook(in path, w Webhook) {
	l.checkTarget(in, w.Path, w.URL)
	l.checkHeaders(in.with("headers"), w.Headers)
	l.checkPointer(in.with("link_key"), w.LinkKey)
	l.checkPointer(in.with("link_records"), w.LinkRecords)
	l.checkSearch(in, w)
	if w.EndsLink != nil && *w.EndsLink && w.LinkKey != nil {
		l.failKey(in.with("ends_link"), "ends_link and link_key are both set", "what deletes a record makes no link: leave one of them out")
	}
	l.checkKind(in.with("kind"), w.Kind)
	if w.Cost != nil {
		l.inRange(in.with("cost"), *w.Cost, 1, 1_000_000)
	}
	l.checkBody(in, w)
	if w.Verify != nil {
		l.checkVerify(in.with("verify"), w)
	}
	l.compileWebhook(in, w)
}

// checkTarget checks the path or the URL of a request.
func (l *loader) checkTarget(in path, below, absolute *Text) {
	if below != nil && absolute != nil {
		l.failKey(in.with("url"), "path and url exclude each other", "")
	}
	if below != nil && !strings.HasPrefix(below.Text, "/") {
		l.fail(in.with("path"), `path must begin with "/"`, "")
	}
	if absolute != nil && !strings.HasPrefix(absolute.Text, "{{") {
		host, _, _ := strings.Cut(absolute.Text, "{{")
		host, _, _ = strings.Cut(host, "?")
		if strings.HasSuffix(host, "://") {
			l.fail(in.with("url"), "a value cannot stand before the path of a URL", "write scheme and host as they are")
			return
		}
		l.checkURL(in.with("url"), host)
	}
}

func (l *loader) checkHeaders(in path, headers map[string]Text) {
	for _, name := range sortedKeys(headers) {
		if !headerForm.MatchString(name) {
			l.failKey(in.with(name), fmt.Sprintf("%q cannot be the name of a header", name), "")
		}
	}
}

// checkBody checks that method, message type and body belong together, as far as
// the configuration sets them.
func (l *loader) checkBody(in path, w Webhook) {
	hasBody := w.Body != nil && w.Body.Text != ""
	switch {
	case hasBody && w.Method != nil && *w.Method == "GET":
		l.failKey(in.with("body"), `body has no effect with method = "GET"`, "remove it, or use another method")
	case hasBody && w.MessageType != nil && *w.MessageType == MessageNone:
		l.failKey(in.with("body"), `body has no effect with message_type = "none"`, "say json, form, xml or text")
	case !hasBody && w.From == "" && w.MessageType != nil && *w.MessageType != "" && *w.MessageType != MessageNone:
		l.failKey(in.with("message_type"), fmt.Sprintf("message_type = %q needs body", *w.MessageType), `or say message_type = "none"`)
	}
}

func (l *loader) checkVerify(in path, w Webhook) {
	v := *w.Verify
	if l.failed[in.index()] {
		return
	}
	if v.Path == nil && v.URL == nil && !l.has(in.with("path")) && !l.has(in.with("url")) {
		l.failKey(in, fmt.Sprintf("path is missing in [%s]", in), "verify is a request of its own: method, path, params")
	}
	l.checkTarget(in, v.Path, v.URL)
	l.checkPointer(in.with("found"), &v.Found)
	l.checkPointer(in.with("records"), &v.Records)
	for _, pointer := range sortedKeys(v.Match) {
		if !strings.HasPrefix(pointer, "/") {
			l.failKey(in.with("match").with(pointer), fmt.Sprintf("%q is not a JSON pointer", pointer), "did you mean \"/"+pointer+"\"?")
		}
	}
	if (v.Records == "") != (len(v.Match) == 0) {
		l.failKey(in, "records and match belong together: match says which of the records is meant", "")
	}
	if v.Cost != nil {
		l.inRange(in.with("cost"), *v.Cost, 1, 1_000_000)
	}
	if w.Repeatable != nil && *w.Repeatable {
		l.failKey(in, "verify has no effect with repeatable = true", "what may be sent twice needs no look before it: remove one of them")
	}
}

// compileWebhook reports the mistakes in the templates that the configuration
// sets. Package fit compiles the complete webhook again: the rest may come from
// a manifest, and each orchestration has steps of its own. Which macros the
// connector has is not known here.
func (l *loader) compileWebhook(in path, w Webhook) {
	call, places := w.Call()
	more := []string{expr.NameMacros}
	for name, o := range l.config.Orchestrations {
		if l.config.getsPassword(name) && slices.Contains(o.webhookRefs(), w.Name) {
			more = append(more, "password")
		}
	}
	scope := outbound.NewScope(more...).WithLookups(l.config.Lookups)
	_, err := outbound.CompileAt(call, scope, places)
	known := l.knownPlaces()
	for _, one := range joined(err) {
		var wrong *outbound.Error
		if !errors.As(one, &wrong) {
			l.failExpression(in, one)
			continue
		}
		e := Error{Pos: places[wrong.Member], Key: in.String(), Message: wrong.Err.Error()}
		var at *expr.Error
		if errors.As(wrong.Err, &at) {
			e.Pos, e.Message, e.Hint = at.Pos, at.Message, at.Hint
		}
		if !known[e.Pos] {
			l.errs = append(l.errs, e)
		}
	}
}

// joined returns the errors that errors.Join put together.
func joined(err error) []error {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return all.Unwrap()
	}
	return nil
}

// checkWebhookRef checks the name of a webhook: one of the configuration, or
// APPLICATION/WEBHOOK. Only package fit can say whether the connector has it.
func (l *loader) checkWebhookRef(at path, ref string) {
	if l.failed[at.index()] {
		return
	}
	application, webhook, preconfigured := SplitRef(ref)
	if !preconfigured {
		l.exists(at, "webhook", ref, sortedKeys(l.config.Webhooks))
		return
	}
	if webhook == "" {
		l.fail(at, fmt.Sprintf("webhook is %q, which names no webhook", ref), `like "pipedrive/deactivate_user": an application and a webhook`)
		return
	}
	l.exists(at, "application", application, sortedKeys(l.config.Applications))
}

// ApplicationOf returns the application that a webhook calls.
func (c *Config) ApplicationOf(ref string) string {
	if application, _, preconfigured := SplitRef(ref); preconfigured {
		return application
	}
	return c.Webhooks[ref].Application
}

// UsedApplications returns the names of the applications that an automation or
// an orchestration or a webhook calls, sorted.
func (c *Config) UsedApplications() []string {
	used := map[string]bool{}
	for _, a := range c.Automations {
		used[c.DataSources[a.DataSource].Application] = true
	}
	for _, w := range c.Webhooks {
		used[w.Application] = true
	}
	for _, o := range c.Orchestrations {
		for _, ref := range o.webhookRefs() {
			used[c.ApplicationOf(ref)] = true
		}
	}
	maps.DeleteFunc(used, func(name string, _ bool) bool { _, defined := c.Applications[name]; return !defined })
	return sortedKeys(used)
}
