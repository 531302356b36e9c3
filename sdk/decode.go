package sdk

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// decodeCall reads what call_input returns. encoding/json would take longer than
// the rest of a short call: in WebAssembly it takes 3 ms to inspect the fields of
// the structs, and half a millisecond to fill a map.
func decodeCall(input []byte) (abi.Call, error) {
	r := &reader{text: string(input)}
	var call abi.Call
	r.object(func(name string) {
		switch name {
		case "function":
			call.Function = r.string()
		case "application":
			call.Application = r.string()
		case "settings":
			call.Settings = r.values()
		case "again":
			call.Again = r.bool()
		case "retry":
			call.Retry = r.retry()
		case "needs":
			call.Needs = r.needs()
		case "endpoint":
			call.Endpoint = r.endpoint()
		case "webhook":
			call.Webhook = r.webhook()
		default:
			r.value()
		}
	})
	return call, r.end()
}

func (r *reader) retry() (l abi.RetryLimits) {
	r.object(func(name string) {
		switch name {
		case "attempts":
			l.Attempts = int(r.int())
		case "max_wait_ms":
			l.MaxWaitMS = r.int()
		default:
			r.value()
		}
	})
	return l
}

func (r *reader) needs() []abi.Need {
	return list(r, func() (n abi.Need) {
		r.object(func(name string) {
			switch name {
			case "use":
				n.Use = r.string()
			case "method":
				n.Method = r.string()
			case "path":
				n.Path = r.string()
			case "url":
				n.URL = r.string()
			case "rights":
				n.Rights = r.strings()
			default:
				r.value()
			}
		})
		return n
	})
}

func (r *reader) endpoint() *abi.Endpoint {
	e := &abi.Endpoint{}
	there := r.object(func(name string) {
		switch name {
		case "name":
			e.Name = r.string()
		case "title":
			e.Title = r.string()
		case "description":
			e.Description = r.string()
		case "method":
			e.Method = r.string()
		case "path":
			e.Path = r.string()
		case "url":
			e.URL = r.string()
		case "params":
			e.Params = r.texts()
		case "headers":
			e.Headers = r.texts()
		case "body":
			e.Body = r.string()
		case "records":
			e.Records = r.string()
		case "record":
			e.Record = r.string()
		case "key":
			e.Key = r.string()
		case "mode":
			e.Mode = abi.Mode(r.string())
		case "repeat":
			e.Repeat = r.repeat()
		case "keyed":
			e.Keyed = r.bool()
		case "cost":
			e.Cost = r.int()
		case "scopes":
			e.Scopes = r.strings()
		case "rights":
			e.Rights = r.strings()
		case "kind":
			e.Kind = r.string()
		case "one":
			e.One = r.one()
		case "single":
			e.Single = r.bool()
		case "paged_body":
			e.PagedBody = r.bool()
		default:
			r.value()
		}
	})
	if !there {
		return nil
	}
	return e
}

func (r *reader) one() *abi.One {
	o := &abi.One{}
	there := r.object(func(name string) {
		switch name {
		case "path":
			o.Path = r.string()
		case "url":
			o.URL = r.string()
		case "params":
			o.Params = r.texts()
		case "records":
			o.Records = r.string()
		case "record":
			o.Record = r.string()
		case "cost":
			o.Cost = r.int()
		default:
			r.value()
		}
	})
	if !there {
		return nil
	}
	return o
}

func (r *reader) repeat() (p abi.Repeat) {
	r.object(func(name string) {
		switch name {
		case "style":
			p.Style = abi.RepeatStyle(r.string())
		case "param":
			p.Param = r.string()
		case "next":
			p.Next = r.string()
		case "next_header":
			p.NextHeader = r.string()
		case "more":
			p.More = r.string()
		case "until":
			p.Until = r.string()
		case "limit_param":
			p.LimitParam = r.string()
		case "limit":
			p.Limit = int(r.int())
		case "max_empty":
			p.MaxEmpty = int(r.int())
		case "max_pages":
			p.MaxPages = int(r.int())
		case "total":
			p.Total = r.string()
		case "total_header":
			p.TotalHeader = r.string()
		case "first":
			if !r.null() {
				first := int(r.int())
				p.First = &first
			}
		default:
			r.value()
		}
	})
	return p
}

func (r *reader) webhook() *abi.Webhook {
	w := &abi.Webhook{}
	there := r.object(func(name string) {
		switch name {
		case "name":
			w.Name = r.string()
		case "title":
			w.Title = r.string()
		case "description":
			w.Description = r.string()
		case "method":
			w.Method = r.string()
		case "path":
			w.Path = r.string()
		case "url":
			w.URL = r.string()
		case "params":
			w.Params = r.texts()
		case "headers":
			w.Headers = r.texts()
		case "message_type":
			w.MessageType = abi.MessageType(r.string())
		case "body":
			w.Body = r.string()
		case "link_key":
			w.LinkKey = r.string()
		case "repeatable":
			w.Repeatable = r.bool()
		case "cost":
			w.Cost = r.int()
		case "scopes":
			w.Scopes = r.strings()
		case "rights":
			w.Rights = r.strings()
		case "kind":
			w.Kind = r.string()
		case "link_records":
			w.LinkRecords = r.string()
		case "link_match":
			w.LinkMatch = r.texts()
		case "ends_link":
			w.EndsLink = r.bool()
		case "verify":
			w.Verify = r.verify()
		default:
			r.value()
		}
	})
	if !there {
		return nil
	}
	return w
}

func (r *reader) verify() *abi.Verify {
	v := &abi.Verify{}
	there := r.object(func(name string) {
		switch name {
		case "method":
			v.Method = r.string()
		case "path":
			v.Path = r.string()
		case "url":
			v.URL = r.string()
		case "params":
			v.Params = r.texts()
		case "found":
			v.Found = r.string()
		case "records":
			v.Records = r.string()
		case "match":
			v.Match = r.texts()
		case "repeat":
			v.Repeat = r.repeat()
		case "cost":
			v.Cost = r.int()
		case "always":
			v.Always = r.bool()
		default:
			r.value()
		}
	})
	if !there {
		return nil
	}
	return v
}

// end returns the first fault, such as something after the value.
func (r *reader) end() error {
	if r.skip(); r.err == nil && r.at < len(r.text) {
		r.err = fmt.Errorf("something follows the JSON at byte %d", r.at)
	}
	return r.err
}
