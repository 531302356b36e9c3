package abi

import (
	"slices"
	"strings"
)

// Normalize fills in the defaults of a webhook.
func (w *Webhook) Normalize() {
	if w.Method == "" {
		w.Method = MethodPost
	}
	if w.MessageType == "" {
		w.MessageType = MessageJSON
		if w.Body == "" {
			w.MessageType = MessageNone
		}
	}
	if w.Cost == 0 {
		w.Cost = 1
	}
	if w.Verify != nil {
		w.Verify.normalize()
	}
}

func (v *Verify) normalize() {
	if v.Method == "" {
		v.Method = MethodGet
	}
	if v.Repeat.Style == "" {
		v.Repeat.Style = RepeatNone
	}
	if v.Cost == 0 {
		v.Cost = 1
	}
}

var webhookMethods = []string{MethodPost, "PUT", "PATCH", "DELETE", MethodGet}

func (m Manifest) checkWebhooks(p problems) {
	seen := map[string]bool{}
	for _, w := range m.Webhooks {
		in := p.in("webhook %q", w.Name)
		unique(in, seen, w.Name)
		w.check(in)
		m.checkCost(in, w.Cost)
		if w.Verify != nil {
			m.checkCost(in.in("verify"), w.Verify.Cost)
		}
	}
}

func (w Webhook) check(p problems) {
	if !slices.Contains(webhookMethods, w.Method) {
		p.add("method %q is not %s", w.Method, strings.Join(webhookMethods, ", "))
	}
	checkTarget(p, w.Path, w.URL)
	checkHeaders(p, w.Headers)
	switch w.MessageType {
	case MessageNone:
		if w.Body != "" {
			p.add("body is set, and message_type is none")
		}
	case MessageJSON, MessageForm, MessageXML, MessageText:
		if w.Body == "" {
			p.add("message_type is %s, and there is no body", w.MessageType)
		}
	default:
		p.add("message_type %q is not none, json, form, xml or text", w.MessageType)
	}
	if w.Body != "" && w.Method == MethodGet {
		p.add("body is set, and the method is GET")
	}
	checkKind(p, w.Kind)
	checkPointer(p, "link_key", w.LinkKey)
	if w.Cost < 0 {
		p.add("cost %d is negative", w.Cost)
	}
	checkScopes(p, w.Scopes)
	checkRights(p, w.Rights)
	checkPointer(p, "link_records", w.LinkRecords)
	for at := range w.LinkMatch {
		checkPointer(p, "link_match", at)
	}
	if (w.LinkRecords == "") != (len(w.LinkMatch) == 0) || w.LinkRecords != "" && w.LinkKey == "" {
		p.add("link_records, link_match and link_key belong together: which of the results is meant, and where its key is")
	}
	if w.EndsLink && w.LinkKey != "" {
		p.add("ends_link and link_key are both set: what deletes a record makes no link")
	}
	if w.LinkRecords != "" && w.Verify != nil {
		p.add("link_records and verify are both set: a search creates nothing")
	}
	if w.Verify == nil {
		return
	}
	if w.Repeatable {
		p.add("repeatable and verify are both set: what may be sent twice needs no look before it")
	}
	w.Verify.check(p.in("verify"))
}

func (v Verify) check(p problems) {
	if v.Method != MethodGet && v.Method != MethodPost {
		p.add("method %q is not GET or POST", v.Method)
	}
	checkTarget(p, v.Path, v.URL)
	checkPointer(p, "found", v.Found)
	checkPointer(p, "records", v.Records)
	for at := range v.Match {
		checkPointer(p, "match", at)
	}
	if (v.Records == "") != (len(v.Match) == 0) {
		p.add("records and match belong together: which of the candidates is meant")
	}
	if v.Records == "" && v.Repeat.Style != RepeatNone {
		p.add("repeat needs records")
	}
	if v.Cost < 0 {
		p.add("cost %d is negative", v.Cost)
	}
	v.Repeat.check(p.in("repeat"), false)
	if v.Repeat.Total != "" || v.Repeat.TotalHeader != "" || v.Repeat.MaxPages > 0 {
		p.in("repeat").add("total, total_header and max_pages are for the lists of endpoints")
	}
}

func checkRights(p problems, rights []string) {
	for _, r := range rights {
		if r == "" {
			p.add("rights: an empty text")
		}
	}
}
