package sim

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func everybody(s *Server) []User {
	var all []User
	for id := int64(1); id <= s.people.Highest(); id++ {
		if u, ok := s.people.Get(id); ok {
			all = append(all, u)
		}
	}
	return all
}

func TestPeopleAreDeterministic(t *testing.T) {
	a, b := everybody(New(Options{Seed: 7, People: 300})), everybody(New(Options{Seed: 7, People: 300}))
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed makes other people")
	}
	if c := everybody(New(Options{Seed: 8, People: 300})); reflect.DeepEqual(a, c) {
		t.Error("another seed makes the same people")
	}
}

func TestPeopleAreVaried(t *testing.T) {
	s := New(Options{Seed: 1, People: 500, NoEmail: 6})
	names, addresses := map[string]int{}, map[string]int64{}
	for _, u := range everybody(s) {
		names[u.Name]++
		if !utf8.ValidString(u.Name) {
			t.Errorf("user %d: name is not UTF-8", u.ID)
		}
		if u.IsDeleted || u.Email.Value == "" {
			continue
		}
		folded := strings.ToLower(u.Email.Value)
		if other, taken := addresses[folded]; taken {
			t.Errorf("users %d and %d share %s", u.ID, other, folded)
		}
		addresses[folded] = u.ID
	}
	for _, special := range s.people.names.Specials() {
		if names[special] == 0 {
			t.Errorf("nobody is called %q", special)
		}
	}
	if names["Jan Novák"] < 3 {
		t.Error("no three people of one name")
	}
	equal := 0
	for _, n := range names {
		if n > 1 {
			equal++
		}
	}
	if c := s.Count(); equal < 10 || c.NoEmail != 6 || c.Inactive < 10 || c.Deleted < 5 || c.Invited < 5 || c.Active < 400 || c.Total != 500 {
		t.Errorf("%d equal names, %+v", equal, c)
	}
	if c := New(Options{Seed: 1, People: 500}).Count(); c.NoEmail != 0 {
		t.Errorf("without the option %d people have no address", c.NoEmail)
	}
}

func TestMissingAddressesAreOfThreeKinds(t *testing.T) {
	body := get(t, New(Options{Seed: 1, People: 500, NoEmail: 6}), "/v1/users").body
	for what, n := range map[string]int{`"email":null`: 2, `"email":""`: 2, `"email":`: 498} {
		if got := strings.Count(body, what); got != n {
			t.Errorf("%s: %d times, want %d", what, got, n)
		}
	}
}

func TestAddressesOfManyPeople(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z]+(\.[a-z]+)*[0-9]+@example\.org$`)
	s := New(Options{Seed: 3, People: 30000})
	for _, u := range everybody(s) {
		if !u.IsDeleted && !valid.MatchString(strings.ToLower(u.Email.Value)) {
			t.Errorf("user %d, %q: address %q", u.ID, u.Name, u.Email.Value)
		}
	}
	if n := len(s.people.Changed()); n != 0 {
		t.Errorf("%d people are kept although nobody changed them", n)
	}
}
