package web

import (
	"net/url"
	"testing"
)

// TestABasePathIsNotDoubled: only whole segments count.
func TestABasePathIsNotDoubled(t *testing.T) {
	for _, c := range []struct{ base, path, want string }{
		{"https://a.example", "/v1/users", "https://a.example"},
		{"https://a.example/", "/v1/users", "https://a.example/"},
		{"https://a.example/api", "/v1/users", "https://a.example/api"},
		{"https://a.example/api", "/api/v2/persons", "https://a.example"},
		{"https://a.example:444/api/", "/api/v2/persons", "https://a.example:444"},
		{"https://a.example/api", "/api", "https://a.example"},
		{"https://a.example/api", "/api?x=1", "https://a.example"},
		{"https://a.example/api", "/apis/x", "https://a.example/api"},
		{"https://a.example/a%2Fb", "/a%2Fb/c", "https://a.example"},
		{"https://a.example/a%2Fb", "/a/b/c", "https://a.example/a%2Fb"},
	} {
		base, err := url.Parse(c.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := root(base, c.path); got != c.want {
			t.Errorf("%s before %s: %s, want %s", c.base, c.path, got, c.want)
		}
	}
}
