package sim

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkPage is one page of a list of a million people.
func BenchmarkPage(b *testing.B) {
	s := unlimited(1000000)
	for b.Loop() {
		r := httptest.NewRequest("GET", persons+"?limit=1000&page=500", nil)
		r.Header.Set("Authorization", "App sim-api-key")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkFilter looks at a thousand people.
func BenchmarkFilter(b *testing.B) {
	s := unlimited(1000)
	want, err := parseFilter(`{"#endsWith":{"lastName":"zzzz"}}`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for id := int64(1); id <= 1000; id++ {
			p, _ := s.people.get(id)
			want(p)
		}
	}
}
