package config

import (
	"cmp"
	"maps"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Call returns what the configuration sets of a webhook, and where its texts
// stand in the file, by the members as package outbound names them.
func (w Webhook) Call() (abi.Webhook, map[string]Pos) {
	call, places := w.Over(abi.Webhook{})
	if w.From != "" && w.MessageType == nil {
		call.MessageType = abi.MessageText // the manifest says what it is
	}
	return call, places
}

// Over returns base with everything that the configuration sets in its place,
// and where those texts stand in the file. Params and headers are replaced one by
// one, verify as a whole.
func (w Webhook) Over(base abi.Webhook) (abi.Webhook, map[string]Pos) {
	out := base
	out.Name, out.Description = w.Name, cmp.Or(w.Description, base.Description)
	places := textPlaces{}
	if w.Method != nil {
		out.Method = string(*w.Method)
	}
	if w.Path != nil || w.URL != nil {
		out.Path, out.URL = places.text("path", w.Path), places.text("url", w.URL)
	}
	out.Params = places.table("params.", base.Params, w.Params)
	out.Headers = places.table("headers.", base.Headers, w.Headers)
	if w.MessageType != nil {
		out.MessageType = abi.MessageType(*w.MessageType)
	}
	if w.Body != nil {
		out.Body = places.text("body", w.Body)
		if w.Body.Text == "" && w.MessageType == nil {
			out.MessageType = abi.MessageNone
		}
	}
	if w.LinkKey != nil {
		out.LinkKey = *w.LinkKey
	}
	if w.LinkRecords != nil {
		out.LinkRecords = *w.LinkRecords
	}
	if len(w.LinkMatch) > 0 {
		out.LinkMatch = places.table("link_match.", nil, w.LinkMatch)
	}
	if w.EndsLink != nil {
		out.EndsLink = *w.EndsLink
	}
	if w.Repeatable != nil {
		out.Repeatable = *w.Repeatable
	}
	if w.Cost != nil {
		out.Cost = int64(*w.Cost)
	}
	if v := w.Verify; v != nil {
		out.Verify = &abi.Verify{
			Method: string(v.Method), Path: places.text("verify.path", v.Path), URL: places.text("verify.url", v.URL),
			Params: places.table("verify.params.", nil, v.Params), Match: places.table("verify.match.", nil, v.Match),
			Found: v.Found, Records: v.Records, Always: v.Always,
		}
		if v.Cost != nil {
			out.Verify.Cost = int64(*v.Cost)
		}
		if w.Repeatable == nil {
			out.Repeatable = false
		}
	}
	return out, places
}

// textPlaces collects where texts stand.
type textPlaces map[string]Pos

func (p textPlaces) text(member string, t *Text) string {
	if t == nil {
		return ""
	}
	p[member] = t.Pos
	return t.Text
}

func (p textPlaces) table(in string, base map[string]string, changed map[string]Text) map[string]string {
	if len(base)+len(changed) == 0 {
		return nil
	}
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	for name, t := range changed {
		out[name] = p.text(in+name, &t)
	}
	return out
}
