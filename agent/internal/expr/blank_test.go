package expr

import "testing"

// Invisible characters are not content, and they change no result.
func TestWhatNobodySees(t *testing.T) {
	env := Env{"user": map[string]any{
		"blank": " \t\u00a0\u200b\u202a\u00ad\ufeff", "name": "\u200b Ada  Maria Novak\u00a0", "list": []any{" ", "\u200b"},
		"phone": "\u202a020\u00a0624\u200b 1111\u202c", "joined": "می\u200cخواهم",
	}}
	for text, want := range map[string]string{
		`{{ is_empty(user.blank) }}`:                "true",
		`{{ is_empty(user.list) }}`:                 "true",
		`{{ default(user.blank, "none") }}`:         "none",
		`[{{ trim(user.name) }}]`:                   "[Ada  Maria Novak]",
		`[{{ first_word(user.name) }}]`:             "[Ada]",
		`[{{ last_word(user.name) }}]`:              "[Novak]",
		`[{{ word(user.name, 1) }}]`:                "[Ada]",
		`[{{ strip_spaces(user.name) }}]`:           "[AdaMariaNovak]",
		`{{ e164(user.phone, "NL") }}`:              "+31206241111",
		`{{ trim(user.joined) == user.joined }}`:    "true",
		`[{{ join([user.blank, "a", "b"], "-") }}]`: "[a-b]",
	} {
		tpl, err := NewScope("user").Template(Source{Text: text}, EscapeNone)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tpl.Eval(env); err != nil || got.Text() != want {
			t.Errorf("%s is %q, %v, want %q", text, got.Text(), err, want)
		}
	}
	tpl, err := NewScope("user").Template(Source{Text: "{{ user.blank }}"}, EscapeNone)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := tpl.Eval(env); err != nil || v.State != Empty {
		t.Errorf("a blank text is %v, %v", v, err)
	}
}
