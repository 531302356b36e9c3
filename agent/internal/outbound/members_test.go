package outbound_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// notTemplates are the members of a webhook that are sent, or used, as they are written.
var notTemplates = []string{
	"name", "title", "description", "method", "message_type", "kind", "link_key", "link_records", "scopes", "rights",
	"verify.method", "verify.found", "verify.records",
	"verify.repeat.style", "verify.repeat.param", "verify.repeat.next", "verify.repeat.more", "verify.repeat.limit_param",
	"verify.repeat.next_header", "verify.repeat.until", "verify.repeat.total", "verify.repeat.total_header",
}

// TestEveryMemberIsDecided: each text of a webhook is rendered or is listed above. A
// new member of the ABI that nobody compiles would be sent with its braces.
func TestEveryMemberIsDecided(t *testing.T) {
	const template, want = "https://x.test/{{ ad.mail }}", "https://x.test/ada@example.org"
	for name, set := range members("", reflect.TypeFor[abi.Webhook]()) {
		w := abi.Webhook{Name: "w", MessageType: abi.MessageText, Verify: &abi.Verify{}}
		set(reflect.ValueOf(&w).Elem(), template)
		text, err := json.Marshal(w)
		if err != nil || !strings.Contains(string(text), template) {
			t.Fatalf("%s: %s, %v", name, text, err)
		}
		got, err := render(w)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ = json.Marshal(got)
		if rendered := strings.Contains(string(text), want); rendered == slices.Contains(notTemplates, name) {
			t.Errorf("%s became %s", name, text)
		}
	}
}

// members returns how to set each text of a struct, by its name in JSON.
func members(in string, of reflect.Type) map[string]func(reflect.Value, string) {
	all := map[string]func(reflect.Value, string){}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch kind.Kind() {
		case reflect.Struct:
			for inner, set := range members(in+name+".", kind) {
				all[inner] = func(v reflect.Value, s string) { set(reflect.Indirect(v.Field(i)), s) }
			}
		case reflect.Map:
			all[in+name] = func(v reflect.Value, s string) { v.Field(i).Set(reflect.ValueOf(map[string]string{"/a": s})) }
		case reflect.Slice:
			all[in+name] = func(v reflect.Value, s string) { v.Field(i).Set(reflect.ValueOf([]string{s})) }
		case reflect.String:
			all[in+name] = func(v reflect.Value, s string) { v.Field(i).SetString(s) }
		}
	}
	return all
}
