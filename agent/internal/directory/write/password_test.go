package write_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func TestGeneratePassword(t *testing.T) {
	seen := map[string]bool{}
	count := map[byte]int{}
	const runs, length = 4000, 24
	for range runs {
		p, err := write.GeneratePassword(length)
		if err != nil {
			t.Fatal(err)
		}
		if len(p) != length || seen[string(p)] {
			t.Fatalf("%q: length %d, seen %v", p, len(p), seen[string(p)])
		}
		seen[string(p)] = true
		for _, class := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!#%+-./:=?@_~"} {
			if !strings.ContainsAny(string(p), class) {
				t.Fatalf("%q has none of %s", p, class)
			}
		}
		for _, c := range p {
			count[c]++
		}
	}
	if strings.ContainsAny(string(keys(count)), "0O1lI|\"'`\\ ") {
		t.Errorf("characters that are mistaken for each other or need quoting: %q", keys(count))
	}
	// Uniform but for the demand for every class, which favours rare classes a
	// little: each character lies within a fifth of the mean.
	mean := float64(runs*length) / float64(len(count))
	for c, n := range count {
		if float64(n) < 0.8*mean || float64(n) > 1.3*mean {
			t.Errorf("%q occurs %d times, the mean is %.0f", c, n, mean)
		}
	}
	for _, short := range []int{-1, 0, 11} {
		if _, err := write.GeneratePassword(short); err == nil {
			t.Errorf("length %d was accepted", short)
		}
	}
}

func keys(m map[byte]int) []byte {
	var out []byte
	for k := range m {
		out = append(out, k)
	}
	return out
}

// TestRenewInitial: an account gets another initial password as long as nobody has
// used it, below the same rules as every write.
func TestRenewInitial(t *testing.T) { dirtest.OnBoth(t, testRenewInitial) }

func testRenewInitial(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	create := func() (ident.Entry, string) {
		sam := fresh()
		e, err := s.Create(t.Context(), s.staff.Child(sam), append(account(sam),
			ident.AttributeChange{Name: "userPrincipalName", New: []string{sam + "@ad.test"}}), write.Initial{Password: []byte("The-First-One-1")})
		if err != nil {
			t.Fatal(err)
		}
		return e, sam + "@ad.test"
	}
	for _, mustChange := range []bool{false, true} {
		e, name := create()
		if err := s.RenewInitial(t.Context(), e.GUID, write.Initial{Password: initial.Password, MustChange: mustChange}); err != nil {
			t.Fatal(err)
		}
		// The former password may be taken for an hour more (OldPasswordAllowedPeriod).
		err := s.dc.CanBind(t, name, string(initial.Password))
		if mustChange != (err != nil) || mustChange && !strings.Contains(err.Error(), "data 773") {
			t.Errorf("must change %v: bind with the password: %v", mustChange, err)
		}
	}
	e, _ := create()
	s.dc.Replace(t, e.DN, "logonCount", "1")
	wantKind(t, s.RenewInitial(t.Context(), e.GUID, initial), write.Stale)
	outside, _ := s.user(s.outside, nil)
	wantKind(t, s.RenewInitial(t.Context(), outside, initial), write.OutOfScope)
	if strings.Contains(s.log.String(), string(initial.Password)) {
		t.Error("the password is in the log")
	}
}
