package sdk

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// decodeCall reads what call_input returns. Decoding into the structs with
// encoding/json would take longer than the rest of a short call: inspecting
// their fields takes 3 ms in WebAssembly. (A json.Decoder is no way out: it
// links functions that read files, and the host refuses modules that import
// those.)
func decodeCall(input []byte) (abi.Call, error) {
	var top map[string]any
	if err := json.Unmarshal(input, &top); err != nil {
		return abi.Call{}, err
	}
	o := object{values: top, wrong: new(string)}
	call := abi.Call{
		Function: o.text("function"), Application: o.text("application"),
		Settings: o.object("settings").values, Again: o.flag("again"),
	}
	retry := o.object("retry")
	call.Retry = abi.RetryLimits{Attempts: int(retry.number("attempts")), MaxWaitMS: retry.number("max_wait_ms")}
	call.Needs = o.needs()
	if e := o.object("endpoint"); e.values != nil {
		call.Endpoint = e.endpoint()
	}
	if w := o.object("webhook"); w.values != nil {
		call.Webhook = w.webhook()
	}
	if *o.wrong != "" {
		return abi.Call{}, fmt.Errorf("%s is of another type than rollcall_v1 says", *o.wrong)
	}
	return call, nil
}

func (o object) endpoint() *abi.Endpoint {
	return &abi.Endpoint{
		Name: o.text("name"), Title: o.text("title"), Description: o.text("description"),
		Method: o.text("method"), Path: o.text("path"), URL: o.text("url"),
		Params: o.texts("params"), Headers: o.texts("headers"), Body: o.text("body"),
		Records: o.text("records"), Record: o.text("record"), Key: o.text("key"),
		Mode: abi.Mode(o.text("mode")), Repeat: o.object("repeat").repeat(),
		Keyed: o.flag("keyed"), Cost: o.number("cost"), Scopes: o.list("scopes"), Rights: o.list("rights"),
	}
}

func (o object) needs() []abi.Need {
	values := member[[]any](o, "needs")
	if values == nil {
		return nil
	}
	needs := make([]abi.Need, len(values))
	for i, v := range values {
		members, ok := v.(map[string]any)
		if !ok {
			*o.wrong = "needs"
		}
		n := object{values: members, wrong: o.wrong}
		needs[i] = abi.Need{Use: n.text("use"), Method: n.text("method"), Path: n.text("path"), URL: n.text("url"), Rights: n.list("rights")}
	}
	return needs
}

func (o object) repeat() abi.Repeat {
	r := abi.Repeat{
		Style: abi.RepeatStyle(o.text("style")), Param: o.text("param"), Next: o.text("next"), More: o.text("more"),
		LimitParam: o.text("limit_param"), Limit: int(o.number("limit")), MaxEmpty: int(o.number("max_empty")),
	}
	if o.values["first"] != nil {
		first := int(o.number("first"))
		r.First = &first
	}
	return r
}

func (o object) webhook() *abi.Webhook {
	w := &abi.Webhook{
		Name: o.text("name"), Title: o.text("title"), Description: o.text("description"),
		Method: o.text("method"), Path: o.text("path"), URL: o.text("url"),
		Params: o.texts("params"), Headers: o.texts("headers"),
		MessageType: abi.MessageType(o.text("message_type")), Body: o.text("body"),
		LinkKey: o.text("link_key"), Repeatable: o.flag("repeatable"), Cost: o.number("cost"), Scopes: o.list("scopes"), Rights: o.list("rights"),
	}
	if v := o.object("verify"); v.values != nil {
		w.Verify = &abi.Verify{
			Method: v.text("method"), Path: v.text("path"), URL: v.text("url"), Params: v.texts("params"), Found: v.text("found"),
			Records: v.text("records"), Match: v.texts("match"), Repeat: v.object("repeat").repeat(), Cost: v.number("cost"),
			Always: v.flag("always"),
		}
	}
	return w
}

// object is a JSON object. A missing or null member reads as the zero value.
// wrong is the name of a member that has another type than the one it is read
// as.
type object struct {
	values map[string]any
	wrong  *string
}

// member returns a member, of the type that encoding/json decodes it to.
func member[T any](o object, name string) T {
	v, ok := o.values[name].(T)
	if !ok && o.values[name] != nil {
		*o.wrong = name
	}
	return v
}

func (o object) text(name string) string { return member[string](o, name) }

func (o object) flag(name string) bool { return member[bool](o, name) }

func (o object) number(name string) int64 {
	f := member[float64](o, name)
	if f != math.Trunc(f) || math.Abs(f) > exact {
		*o.wrong = name
	}
	return int64(f)
}

const exact = 1 << 53 // a float64 holds every whole number up to here

func (o object) object(name string) object {
	return object{values: member[map[string]any](o, name), wrong: o.wrong}
}

func (o object) texts(name string) map[string]string {
	inner := o.object(name)
	if inner.values == nil {
		return nil
	}
	texts := make(map[string]string, len(inner.values))
	for k := range inner.values {
		texts[k] = inner.text(k)
	}
	return texts
}

func (o object) list(name string) []string {
	values := member[[]any](o, name)
	if values == nil {
		return nil
	}
	list := make([]string, len(values))
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			*o.wrong = name
		}
		list[i] = text
	}
	return list
}
