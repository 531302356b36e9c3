package simkit

import (
	"fmt"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	schema := Schema{Members: map[string]Schema{
		"name":  {Type: String, Required: true, NotEmpty: true, Max: 4},
		"count": {Type: Integer, Enum: []any{int64(1), int64(3)}},
		"share": {Type: Number},
		"on":    {Type: Boolean, Null: true},
		"tags":  {Type: Array, Items: &Schema{Type: String, Enum: []any{"a", "b"}}},
		"of":    {Type: Object, Members: map[string]Schema{"id": {Type: Integer, Required: true}}},
		"free":  {Type: Object},
		"even": {Type: Integer, Check: func(v any) string {
			if v.(int64)%2 != 0 {
				return "must be even"
			}
			return ""
		}},
	}}
	for body, want := range map[string]string{
		`{"name":"Žužu","count":3,"share":1.5,"on":null,"tags":["a"],"of":{"id":1},"free":{"x":[{}]},"even":2}`: "",
		`{"name":"a","share":2,"on":true,"tags":[]}`:                                                            "",
		`{"name":"a"} `:                       "",
		``:                                    "body: is not valid JSON",
		`{"name":"a"`:                         "body: is not valid JSON",
		`{"name":"a",}`:                       "body: is not valid JSON",
		`{"tags":["a"}`:                       "body: is not valid JSON",
		`[]`:                                  "body: must be a JSON object",
		`null`:                                "body: must be a JSON object",
		`{"name":"a"} {}`:                     "body: has text behind the value",
		`{"name":"a","name":"b"}`:             "name: is given twice",
		`{"name":"a","of":{"id":1,"id":2}}`:   "of.id: is given twice",
		`{"name":"a","tags":[{"x":1,"x":2}]}`: "tags[0].x: is given twice",
		`{}`:                                  "name: is required",
		`{"name":null}`:                       "name: must be a string",
		`{"name":7}`:                          "name: must be a string",
		`{"name":""}`:                         "name: must not be empty",
		`{"name":"abcde"}`:                    "name: must have at most 4 characters",
		`{"name":"a","Name":"b"}`:             "Name: is not allowed",
		`{"name":"a","count":2}`:              "count: must be one of 1, 3",
		`{"name":"a","count":1.0}`:            "count: must be an integer",
		`{"name":"a","count":"1"}`:            "count: must be an integer",
		`{"name":"a","count":9223372036854775808}`:              "count: must be an integer",
		`{"name":"a","share":"1"}`:                              "share: must be a number",
		`{"name":"a","on":0}`:                                   "on: must be a boolean",
		`{"name":"a","tags":{}}`:                                "tags: must be an array",
		`{"name":"a","tags":["a","c"]}`:                         "tags[1]: must be one of a, b",
		`{"name":"a","of":[]}`:                                  "of: must be an object",
		`{"name":"a","of":{}}`:                                  "of.id: is required",
		`{"name":"a","of":{"id":1,"x":1}}`:                      "of.x: is not allowed",
		`{"name":"a","even":3}`:                                 "even: must be even",
		`{"name":7,"x":1,"count":2}`:                            "x: is not allowed, count: must be one of 1, 3, name: must be a string",
		`{"name":"a","tags":` + strings.Repeat("[", maxDepth+1): "body: is nested too deeply",
	} {
		_, found := schema.Read([]byte(body), false)
		var texts []string
		for _, v := range found {
			texts = append(texts, v.Path+": "+v.Text)
		}
		if got := strings.Join(texts, ", "); got != want {
			t.Errorf("%.60s: got %q, want %q", body, got, want)
		}
	}
}

func TestReadLeavesUnknownMembersOut(t *testing.T) {
	schema := Schema{Members: map[string]Schema{"of": {Type: Object, Members: map[string]Schema{"id": {Type: Integer}}}}}
	got, found := schema.Read([]byte(`{"x":1,"of":{"id":7,"y":2}}`), true)
	if fmt.Sprint(got) != "map[of:map[id:7]]" || found != nil {
		t.Errorf("%v, %v", got, found)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":null}]}}`)
	schema := Schema{Members: map[string]Schema{"a": {Type: Object, Free: true}}}
	f.Fuzz(func(t *testing.T, body string) {
		members, found := schema.Read([]byte(body), true)
		if members == nil && found == nil {
			t.Error("nothing read, and nothing wrong")
		}
	})
}
