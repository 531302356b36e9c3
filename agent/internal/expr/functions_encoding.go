package expr

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/nyaruka/phonenumbers"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// encodingFunctions returns the functions that write a value for another system.
func encodingFunctions() []*function {
	jsonOf := define("json(x)", "x as JSON.", `json({"a": [1, null]}) -> "{\"a\":[1,null]}"`, toJSON, new(anyToText))
	jsonOf.nullable = true
	return []*function{
		jsonOf,
		ofText("url_escape(s)", "Escaped for the query of a URL, a space as %20. Places of a URL are escaped anyway.",
			`url_escape("a b&c") -> "a%20b%26c"`,
			creating(escapeQuery), new(textToText)),
		ofText("base64(s)", "In base64 (RFC 4648, with padding).", `base64("Ada") -> "QWRh"`,
			creating(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), new(textToText)),
		e164Function(),
	}
}

func toJSON(r *run, args []any) any {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(deepNormal(args[0])); err != nil {
		fail("json: %v", err)
	}
	r.spend(b.Len())
	return strings.TrimSuffix(b.String(), "\n")
}

func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// e164Function uses Google's numbering plans, which package phonenumbers
// contains.
func e164Function() *function {
	f := define("e164(s, country)",
		"A phone number in international form. The country (ISO 3166, two letters) counts for numbers without +. Null when s is no valid number.",
		`e164("020 624 1111", "NL") -> "+31206241111"`, e164, new(func(string, string) string))
	f.literal = func(_ *library, i int, s string) (string, string) {
		if i == 1 && !knownRegion(s) {
			return "unknown country " + s, "two letters of ISO 3166, such as NL"
		}
		return "", ""
	}
	return f
}

func knownRegion(s string) bool {
	return phonenumbers.GetSupportedRegions()[strings.ToUpper(s)]
}

func e164(_ *run, args []any) any {
	country := strings.ToUpper(textArg(args, 1))
	number, err := phonenumbers.Parse(plaintext.Seen(textArg(args, 0)), country)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return nil
	}
	return phonenumbers.Format(number, phonenumbers.E164)
}
