package mirror

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestCursorIsWhole(t *testing.T) {
	c := cursor{
		Way: way{Mode: ModeDirSync, Security: true}, Base: "dc=a", Cookie: []byte("MSDS\x00\xff"), USN: 4711,
		Blind: true, Unswept: true, Swept: time.Unix(5, 0).UTC(), Whole: time.Unix(4, 0).UTC(),
	}
	data, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeCursor(data)
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Fatalf("%+v, %v; want %+v", back, err, c)
	}
	for i := range data {
		for bit := range 8 {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << bit
			if _, err := decodeCursor(bad); err == nil {
				t.Fatalf("bit %d of byte %d was flipped and nobody noticed", bit, i)
			}
		}
		if _, err := decodeCursor(data[:i]); err == nil {
			t.Fatalf("the first %d bytes of %d were taken for a cursor", i, len(data))
		}
	}
}

// TestDeletionsThatAreNotShown: a read of changes says when it was last looked for
// deletions that it does not show.
func TestDeletionsThatAreNotShown(t *testing.T) {
	s := &synchroniser{began: time.Unix(9, 0)}
	for blind, want := range map[bool]time.Time{false: {}, true: time.Unix(5, 0)} {
		state, err := s.state(cursor{Blind: blind, Swept: time.Unix(5, 0)}, false)
		if err != nil || !state.Deletions.Equal(want) || !state.Synced.Equal(s.began) {
			t.Errorf("blind %v: %+v, %v", blind, state, err)
		}
	}
}

func TestDigest(t *testing.T) {
	const base = ident.DN("DC=ad,DC=test")
	same := digest(base, Spec{Attributes: []string{"title", "mail"}}.names())
	for name, test := range map[string]struct {
		spec Spec
		base ident.DN
		same bool
	}{
		"order, case, repetition": {Spec{Attributes: []string{"Mail", "TITLE", "title"}}, "dc=AD, dc=test", true},
		"timing":                  {Spec{Attributes: []string{"title"}, SweepEvery: 1, AcceptShrink: true}, base, true},
		"one more":                {Spec{Attributes: []string{"title", "info"}}, base, false},
		"none":                    {Spec{}, base, false},
		"another base":            {Spec{Attributes: []string{"title"}}, "DC=other,DC=test", false},
	} {
		if got := digest(test.base, test.spec.names()) == same; got != test.same {
			t.Errorf("%s: same mirror: %v, want %v", name, got, test.same)
		}
	}
}

func TestClean(t *testing.T) {
	s := &synchroniser{stored: map[string]bool{"cn": true, "title": true, "member": true, "ou": true}}
	for name, test := range map[string]struct{ in, want ident.Entry }{
		"naming attribute from the DN": {
			ident.Entry{DN: `CN=Last\, First,OU=x`, Attributes: ident.Attributes{"name": {"Last, First"}}},
			ident.Entry{DN: `CN=Last\, First,OU=x`, Attributes: ident.Attributes{"cn": {"Last, First"}}},
		},
		"a unit has no cn": {
			ident.Entry{DN: `OU=x,DC=y`, Attributes: ident.Attributes{}},
			ident.Entry{DN: `OU=x,DC=y`, Attributes: ident.Attributes{"ou": {"x"}}},
		},
		"cleared stays cleared, others go": {
			ident.Entry{DN: `CN=x,DC=y`, Attributes: ident.Attributes{"Title": {}, "instancetype": {"4"}, "member;range=0-1": {"CN=a"}}},
			ident.Entry{DN: `CN=x,DC=y`, Attributes: ident.Attributes{"cn": {"x"}, "title": {}}},
		},
	} {
		if got := s.clean(test.in); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	entry := func(guid ident.GUID, name string, values ...string) ident.Entry {
		return ident.Entry{GUID: guid, Attributes: ident.Attributes{"cn": {"x"}, name: values}}
	}
	got := unfinished([]ident.Entry{
		entry("a", "member", "CN=a"), entry("b", "member;range=0-1499", "CN=a"), entry("c", "title"),
		entry("d", "secretary", "<GUID=1>;<SID=2>;CN=x"), entry("e", "description", "see <GUID=1>"),
	})
	if want := []ident.GUID{"b", "d"}; !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func TestSchemaContext(t *testing.T) {
	for service, want := range map[ident.DN]ident.DN{
		"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,DC=ad,DC=test": "CN=Schema,CN=Configuration,DC=ad,DC=test",
		"CN=NTDS Settings,DC=ad": "",
		"":                       "",
	} {
		if got := schemaContext(service); got != want {
			t.Errorf("schemaContext(%q) = %q, want %q", service, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for code, want := range map[int]bool{
		ldap.LDAPResultInsufficientAccessRights: true, ldap.LDAPResultUnavailableCriticalExtension: true,
		ldap.LDAPResultUnwillingToPerform: true, ldap.LDAPResultStrongAuthRequired: true,
		ldap.LDAPResultOperationsError: true, ldap.LDAPResultProtocolError: true, 0: true, // 0: an answer without a cookie
		ldap.LDAPResultBusy: false, ldap.LDAPResultUnavailable: false, ldap.LDAPResultTimeLimitExceeded: false,
		ldap.LDAPResultInvalidCredentials: false, conn.CodeNetwork: false,
	} {
		if got := refused(fmt.Errorf("read: %w", &conn.Error{Code: code, Err: errHide})); got != want {
			t.Errorf("code %d: %v, want %v", code, got, want)
		}
	}
	if refused(nil) || refused(context.Canceled) {
		t.Error("what is no answer of the server is taken for a refusal")
	}
}
