package text

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"staff", "contractors", "sales"}
	for word, want := range map[string]string{"staf": "staff", "STAFF": "staff", "contractor": "contractors", "x": "", "people": "", "": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
