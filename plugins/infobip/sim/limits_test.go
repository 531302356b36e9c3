package sim

import (
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

func TestLimitsOfEachEndpoint(t *testing.T) {
	for target, want := range map[string]int{
		"GET " + persons: 5, "POST " + persons: 10, "PUT " + persons: 5, "PATCH " + persons: 5, "DELETE " + persons: 5,
		"PATCH " + persons + "/contactInformation": 5, "POST " + persons + "/batch": 5, "POST " + persons + "/match": 15,
		"PUT " + upsertPath: 5, "POST " + mergePath: 5, "GET /people/2/tags": 5, "GET /people/2/tags/VIP": 5, "POST /people/2/customAttributes": 5,
		"GET " + agentsPath: 0, "GET /settings/1/accounts": 0,
	} {
		c := simtest.NewClock()
		s := New(Options{People: 1, Now: c.Now})
		served := 0
		for range 40 {
			if method, path, _ := cut(target); send(t, s, method, path, "").status != 429 {
				served++
			}
		}
		if want == 0 {
			want = 40
		}
		if served != want {
			t.Errorf("%s: %d in a second, want %d", target, served, want)
		}
	}
}

func cut(target string) (method, path string, ok bool) {
	for i := range target {
		if target[i] == ' ' {
			return target[:i], target[i+1:], true
		}
	}
	return "", "", false
}

func TestLimitWindow(t *testing.T) {
	c := simtest.NewClock()
	s := New(Options{People: 1, Now: c.Now, PerSecond: 2})
	step := func(after time.Duration, status int) {
		t.Helper()
		c.Advance(after)
		got := get(t, s, persons)
		expect(t, got, status)
		if status == 429 && got.body != `{"requestError":{"serviceException":{"messageId":"TOO_MANY_REQUESTS","text":"Too many requests"}}}` {
			t.Error(got.body)
		}
	}
	step(0, 200)
	step(600*time.Millisecond, 200)
	step(300*time.Millisecond, 429)
	step(100*time.Millisecond, 200) // the first one has left the window
	step(0, 429)
	step(time.Second, 200)
	// Another endpoint, and another method, have limits of their own; who asks does not matter.
	expect(t, get(t, s, persons), 200)
	expect(t, do(t, s, "GET", persons, "", "Authorization", "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk"), 429)
	expect(t, get(t, s, "/people/2/tags"), 200)
	expect(t, send(t, s, "POST", persons, `{"externalId":"a"}`), 200)
	// What is refused before does not count.
	s.SetScopes()
	for range 5 {
		expect(t, get(t, s, "/people/2/tags"), 403)
	}
	s.SetScopes(peopleRead)
	expect(t, get(t, s, "/people/2/tags"), 200)
}
