package mapping

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// people draws records with few and hostile names, so that they collide.
func people(t *rapid.T) []ident.Record {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"Ada Novak", "Ada Novák", "ada novak", "Eve", "Łukasz Groß", "Ångström, Ada", "李 雷", "", " ", "A B", "Wolfeschlegelsteinhausen Bergerdorff"}),
		rapid.StringN(0, 12, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune(`aA ,+"\<>;=#.@/`+"\x00\n")), 0, 10, -1),
	)
	n := rapid.IntRange(1, 12).Draw(t, "people")
	out := make([]ident.Record, n)
	for i := range out {
		fields := map[string]any{"id": i, "active_flag": true, "is_deleted": false}
		switch rapid.IntRange(0, 9).Draw(t, "shape") {
		case 0:
			fields["name"] = nil
		case 1:
		default:
			fields["name"] = name.Draw(t, "name")
		}
		fields["email"] = fmt.Sprintf("u%d@example.com", i)
		out[i] = ident.Record{Endpoint: "users", Key: ident.Key(fmt.Sprint(i)), Fields: fields}
	}
	return out
}

// account makes the directory's entry of a create.
func created(d ident.Desired) *ident.Entry {
	cn, _ := d.Attribute("cn")
	e := &ident.Entry{GUID: ident.GUID("key " + string(d.Key)), DN: d.Parent.Child(cn.Values[0]), Attributes: ident.Attributes{}}
	for _, a := range d.Attributes {
		e.Attributes[strings.ToLower(a.Name)] = a.Values
	}
	return e
}

func TestNamesOfARunAreUniqueValidAndStable(t *testing.T) {
	m := compile(t, staff())
	rapid.Check(t, func(t *rapid.T) {
		names := &fakeNames{}
		seen := map[string]ident.Key{}
		for _, r := range people(t) {
			d, err := m.Map(r, nil, nil, names)
			var e *Error
			if err != nil {
				if !errors.As(err, &e) || e.Cause == "" || e.Next == "" {
					t.Fatalf("error without cause or next step: %#v", err)
				}
				continue
			}
			checkNames(t, d, seen)
			again, err := m.Map(r, created(d), &ident.Link{Placed: d.Parent}, names)
			if err != nil {
				t.Fatalf("the account that was created: %v", err)
			}
			checkKept(t, d, again)
		}
	})
}

func checkNames(t *rapid.T, d ident.Desired, seen map[string]ident.Key) {
	for _, name := range []string{"cn", "sAMAccountName", "mail"} {
		a, ok := d.Attribute(name)
		if !ok {
			t.Fatalf("%s: no %s", d.Key, name)
		}
		if cause, _ := invalid(name, a.Values[0], ""); cause != "" {
			t.Errorf("%s: %s", d.Key, cause)
		}
		folded := name + "=" + strings.ToLower(a.Values[0])
		if other, taken := seen[folded]; taken {
			t.Errorf("%s and %s both have %s", other, d.Key, folded)
		}
		seen[folded] = d.Key
	}
	if cn, _ := d.Attribute("cn"); d.Parent.Child(cn.Values[0]).Name() != cn.Values[0] {
		t.Errorf("cn %q does not survive its DN", cn.Values[0])
	}
}

// checkKept demands that an account which was just created needs no change.
func checkKept(t *rapid.T, d, again ident.Desired) {
	for _, a := range again.Attributes {
		if a.Clear {
			continue // nothing is there to clear
		}
		was, ok := d.Attribute(a.Name)
		if !ok || !cmp.Equal(was.Values, a.Values) {
			t.Errorf("%s: %s was %q and becomes %q", d.Key, a.Name, was.Values, a.Values)
		}
		if a.Apply == ident.ApplyCreate {
			t.Errorf("%s is applied again", a.Name)
		}
	}
}

func TestMapIsDeterministicAndLeavesTheRecordAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := people(t)
		before := fmt.Sprintf("%#v", records)
		var results [2]string
		for i := range results {
			m, errs := Compile(staff())
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			names := &fakeNames{}
			for _, r := range records {
				d, err := m.Map(r, nil, nil, names)
				results[i] += show(d) + fmt.Sprintln(err)
			}
		}
		if results[0] != results[1] {
			t.Error(cmp.Diff(results[0], results[1]))
		}
		if fmt.Sprintf("%#v", records) != before {
			t.Error("the records were changed")
		}
	})
}

// The account keeps a name that is one of its candidates, whichever one it is
// and whatever the names of others are.
func TestKeptNamesDoNotFlap(t *testing.T) {
	m := compile(t, account(UniqueDomain, SuffixNumber, "{{ user.a }}", "{{ user.b }}"))
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{1,20}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		own := rapid.SampledFrom([]string{a, b, numbered("sAMAccountName", a, rapid.IntRange(2, maxSuffix).Draw(t, "n"))}).Draw(t, "own")
		names := &fakeNames{}
		if rapid.Bool().Draw(t, "taken") {
			names.take("sAMAccountName", a, UniqueDomain, "", "somebody")
		}
		r := ident.Record{Key: "7", Fields: map[string]any{"a": a, "b": b, "cn": "Ada"}}
		d, err := m.Map(r, entry("CN=Ada,OU=Staff,DC=x", "sAMAccountName", own), nil, names)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Attribute("sAMAccountName"); got.Values[0] != own {
			t.Errorf("%s becomes %s", own, got.Values[0])
		}
	})
}

func TestMergedAddressesSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"SMTP:", "smtp:", "X500:", "SIP:"}).Draw(t, "kind") + rapid.SampledFrom([]string{"a@x", "b@x", "C@x", "c@x"}).Draw(t, "address")
		})
		present, wanted := rapid.SliceOf(value).Draw(t, "present"), rapid.SliceOfN(value, 1, 4).Draw(t, "wanted")
		merged := mergeAddresses(distinct(present), wanted, true)
		if again := mergeAddresses(merged, wanted, true); !cmp.Equal(merged, again) {
			t.Errorf("%q becomes %q", merged, again)
		}
		mails, primaries := 0, 0
		for _, v := range merged {
			if isMail(v) {
				mails++
			}
			if strings.HasPrefix(v, "SMTP:") {
				primaries++
			}
		}
		if primaries != min(mails, 1) {
			t.Errorf("%q has %d primary addresses", merged, primaries)
		}
		for _, v := range present {
			if !strings.Contains(strings.ToLower(strings.Join(merged, "|")), strings.ToLower(v)) {
				t.Errorf("%s is lost in %q", v, merged)
			}
		}
	})
}
