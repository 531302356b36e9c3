package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// word is the secret of these tests: it must not show up anywhere.
const word = "hunter2-correct-horse"

// wrongly tells whether text shows the secret, in one of the spellings that
// package fmt can give it.
func wrongly(text string) bool {
	for _, spelling := range []string{word, fmt.Sprintf("%x", word), fmt.Sprintf("%X", word), fmt.Sprint([]byte(word))} {
		if strings.Contains(text, spelling) {
			return true
		}
	}
	return false
}

func TestSecretIsNotPrinted(t *testing.T) {
	type outer struct {
		Exported Secret
		hidden   Secret
		nested   *Secret
		Ref      Reference
		ref      Reference
	}
	literal, _, err := ParseOrLiteral(word)
	if err != nil {
		t.Fatal(err)
	}
	s := New(word)
	for name, value := range map[string]any{
		"secret": s, "pointer": &s, "slice": []Secret{s}, "map": map[string]Secret{"a": s},
		"outer": outer{s, s, &s, literal, literal}, "outer pointer": &outer{s, s, &s, literal, literal},
		"reference": literal, "error": fmt.Errorf("x %v: %w", s, fmt.Errorf("%s", literal)),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			if text := fmt.Sprintf(verb, value); wrongly(text) {
				t.Errorf("%s with %s shows the secret: %s", name, verb, text)
			}
		}
		b, err := json.Marshal(value)
		if err != nil || wrongly(string(b)) {
			t.Errorf("%s as JSON: %s, %v", name, b, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
		if wrongly(log.String()) {
			t.Errorf("%s in a log: %s", name, log.String())
		}
	}
	if got := fmt.Sprint(s, literal); got != "[secret] [secret]" {
		t.Errorf("printed as %q", got)
	}
	if s.Reveal() != word || s.IsEmpty() {
		t.Error("Reveal does not reveal")
	}
	if zero := (Secret{}); zero.Reveal() != "" || !zero.IsEmpty() || !New("").IsEmpty() {
		t.Error("the zero secret is not empty")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Reference{
		"@{env:AD_PASSWORD}":           {Kind: KindEnv, Name: "AD_PASSWORD"},
		"@{file:/etc/rollcall/pw}":     {Kind: KindFile, Name: "/etc/rollcall/pw"},
		"@{cred:ad_password}":          {Kind: KindCred, Name: "ad_password"},
		"@{store:pipedrive.token-1}":   {Kind: KindStore, Name: "pipedrive.token-1"},
		"@{dpapi:x}":                   {Kind: KindDPAPI, Name: "x"},
		"@{vault:secret/data/ad#pass}": {Kind: KindVault, Name: "secret/data/ad", Field: "pass"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("Parse(%q).String() = %q", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "is empty",
		word:                     "must not stand here as plain text",
		"@{" + word + "}":        "names no kind",
		"@{" + word + ":x}":      "no kind that rollcall knows",
		"@{env:A} " + word:       "whole value",
		word + "@{env:A}":        "whole value",
		"@{env:" + word:          "whole value",
		"@{env:A}@{env:B}":       "whole value",
		"@{env:}":                "letters, digits",
		"@{env:" + word + "}":    "letters, digits", // it has a hyphen
		"@{file:}":               "absolute",
		"@{file:pw}":             "absolute",
		"@{file:/etc/../pw}":     "without . or ..",
		"@{cred:../pw}":          "letters, digits",
		"@{cred:..}":             "does not start with a dot",
		"@{cred:.check}":         "does not start with a dot",
		"@{store:a/b}":           "letters, digits",
		"@{store:.check}":        "does not start with a dot",
		"@{vault:secret/data/x}": "path#field",
		"@{vault:#x}":            "path#field",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || wrongly(err.Error()) {
			t.Errorf("Parse(%q): %v; want %q", text, err, want)
		}
	}
}

func TestParseOrLiteral(t *testing.T) {
	ref, literal, err := ParseOrLiteral(word)
	if err != nil || !literal || ref.Kind != KindLiteral {
		t.Errorf("plain text: %v, %v, %v", ref, literal, err)
	}
	ref, literal, err = ParseOrLiteral("@{env:A}")
	if err != nil || literal || ref.Kind != KindEnv {
		t.Errorf("reference: %v, %v, %v", ref, literal, err)
	}
	if _, _, err = ParseOrLiteral(""); err == nil {
		t.Error("an empty secret is accepted")
	}
}
