package sdk

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestAppendRequest compares the encoding with encoding/json: whatever strings
// a connector puts into a request, the host must read the same from both.
func TestAppendRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.String(),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }))
		fields := rapid.MapOfN(text, text, 0, 4)
		in := abi.Request{
			Method: text.Draw(t, "method"), URL: text.Draw(t, "url"), Path: text.Draw(t, "path"),
			Query: fields.Draw(t, "query"), Headers: fields.Draw(t, "headers"),
			Body: text.Draw(t, "body"), Auth: text.Draw(t, "auth"), Cost: rapid.Int64().Draw(t, "cost"),
		}
		theirs, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		ours := appendRequest(nil, in)
		var got, want abi.Request
		if err := json.Unmarshal(ours, &got); err != nil {
			t.Fatalf("%v in %s", err, ours)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("ours   %s\ntheirs %s", ours, theirs)
		}
	})
}

// TestAppendRequestKnowsEveryMember: a new one of abi.Request reaches the host.
func TestAppendRequestKnowsEveryMember(t *testing.T) {
	var full, got abi.Request
	fill(reflect.ValueOf(&full).Elem(), new(int))
	text := appendRequest(nil, full)
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("%v\n%s became\n%+v", err, text, got)
	}
}

// TestAppendRequestText shows what the host sees of an ordinary page.
func TestAppendRequestText(t *testing.T) {
	const want = `{"method":"GET","path":"/users","query":{"after":"a\"b","limit":"500"},"headers":{"Accept":"application/json"},"auth":"none","cost":2}`
	got := appendRequest(nil, abi.Request{
		Method: "GET", Path: "/users", Query: map[string]string{"limit": "500", "after": `a"b`},
		Headers: map[string]string{"Accept": "application/json"}, Auth: "none", Cost: 2,
	})
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestPosition checks that positions differ when paging parameters differ,
// however the text is split between names and values.
func TestPosition(t *testing.T) {
	requests := []Request{
		{Path: "/a"},
		{URL: "/a"},
		{Path: "/a", Query: map[string]string{"x": "1 y:2"}},
		{Path: "/a", Query: map[string]string{"x": "1", "y": "2"}},
		{Path: "/a", Query: map[string]string{"x": "2", "y": "1"}},
		{Path: "/a", Body: "1"},
	}
	seen := map[string]int{}
	for i, r := range requests {
		if before, ok := seen[position(r)]; ok {
			t.Errorf("requests %d and %d have one position", before, i)
		}
		seen[position(r)] = i
		r.Headers, r.Auth = map[string]string{"X": "1"}, "other"
		if _, ok := seen[position(r)]; !ok {
			t.Errorf("request %d: its position holds more than what paging changes", i)
		}
	}
}
