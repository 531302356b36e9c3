package sdk

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// values draws what JSON may hold. Texts have all that is escaped.
func values() *rapid.Generator[any] {
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,20}`), rapid.String(), rapid.SampledFrom([]string{
		"\x00\x1f\t\r\n\b\f", `"\/`, "<&>\u2028", "ä𝄞€", "seven..\"", "eight...\\eight...\"",
	}))
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Int32(), func(n int32) any { return float64(n) }))
	inner := rapid.OneOf(leaf, rapid.Map(rapid.SliceOfN(leaf, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(text, leaf, 0, 3), func(m map[string]any) any { return m }))
	return rapid.OneOf(inner, rapid.Map(rapid.MapOfN(text, inner, 0, 3), func(m map[string]any) any { return m }))
}

// TestReader compares the reader with encoding/json, on one line and indented,
// with escapes for all that may be escaped.
func TestReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := []any{values().Draw(t, "value")}
		text, err := json.Marshal(value)
		if rapid.Bool().Draw(t, "indented") {
			text, err = json.MarshalIndent(value, "", "\t")
		}
		if err != nil {
			t.Fatal(err)
		}
		var want any // a value in an array, so that no part of it is whole
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		r := &reader{text: string(text)}
		if got := r.value(); r.end() != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %s became %#v", r.err, text, got)
		}
		part := text[:rapid.IntRange(0, len(text)-1).Draw(t, "cut")]
		cut := &reader{text: string(part)}
		if got := cut.value(); cut.end() == nil {
			t.Fatalf("%s became %#v", part, got)
		}
	})
}

func TestReaderEscapes(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud834\udd1e"`: "𝄞", `"\uD834x"`: "\uFFFDx", `"\ud834\u0041"`: "\uFFFDA", `"\ud834\ud834\udd1e"`: "\uFFFD𝄞",
		`"\u00e4\/\\"`: `ä/\`, `"12345678\"90"`: `12345678"90`,
	} {
		r := &reader{text: text}
		if got := r.string(); r.end() != nil || got != want {
			t.Errorf("%s became %q, want %q (%v)", text, got, want, r.err)
		}
	}
	for _, text := range []string{`"\x"`, `"\u12"`, `"\u12g4"`, `"\`, `"`, `tru`, `nul`, `-`, `[1 2]`, `{"a" 1}`, `{"a":1,,}`, `1 2`, `{1:2}`, `{a:1}`} {
		r := &reader{text: text}
		if got := r.value(); r.end() == nil {
			t.Errorf("%s became %#v", text, got)
		}
	}
}
